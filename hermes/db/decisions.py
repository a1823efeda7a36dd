"""What needs a person's decision: asked once for its key, closed by an answer, or because nobody needs one any more."""

from collections.abc import Iterable
from datetime import datetime

from hermes.db.codec import dump
from hermes.db.pool import Connection, Row
from hermes.domain.graph import Decision
from hermes.domain.model import RecordRef

ASK = """
    insert into decision (kind, record_type, record_id, key, detail, event_id, at)
    select kind, record_type, record_id, key, detail, event_id, %s
    from jsonb_to_recordset(%s)
      as r(kind text, record_type text, record_id bigint, key text, detail jsonb, event_id bigint)
    on conflict (kind, key) do nothing
"""
CLOSE = """
    update decision d set state = 'merged' from jsonb_to_recordset(%s) as r(kind text, key text)
    where d.state = 'open' and d.kind = r.kind and (d.key = r.key or starts_with(d.key, r.key || ':'))
"""
ANSWER = """
    update decision set state = %(choice)s, key = case when %(again)s then key || ':' || id else key end
    where kind = %(kind)s and key = %(key)s and state = 'open'
"""


async def ask(connection: Connection, decisions: Iterable[tuple[Decision, int | None]], at: datetime) -> None:
    """Questions, each once, with the event that raised each."""
    rows = [
        {
            'kind': decision.kind,
            'record_type': decision.record.type if decision.record else None,
            'record_id': decision.record.id if decision.record else None,
            'key': decision.key,
            'detail': decision.detail,
            'event_id': event_id,
        }
        for decision, event_id in decisions
    ]
    if rows:
        await connection.execute(ASK, (at, dump(rows)))


async def close(connection: Connection, closed: Iterable[tuple[str, str]]) -> None:
    """Questions that nobody needs to answer any more: by kind and key, or the beginning of the key."""
    rows = [{'kind': kind, 'key': key} for kind, key in sorted(set(closed))]
    if rows:
        await connection.execute(CLOSE, (dump(rows),))


async def answer(connection: Connection, kind: str, key: str, choice: str, *, again: bool) -> str:
    """Close a question with a choice; with `again` the same may be asked again. '' when that was done, or nobody asked
    here; the state of one that was settled before.
    """
    told = {'kind': kind, 'key': key, 'choice': choice, 'again': again}
    if (await connection.execute(ANSWER, told)).rowcount:
        return ''
    rows = await connection.execute('select state from decision where kind = %s and key = %s', (kind, key))
    row = await rows.fetchone()
    return str(row['state']) if row else ''


async def retire(connection: Connection, record: RecordRef) -> None:
    """What was merged away has nothing to be asked."""
    await connection.execute(
        "update decision set state = 'merged' where state = 'open' and record_type = %s and record_id = %s", record
    )


async def find(connection: Connection, number: int) -> Row | None:
    """A question by its number."""
    return await (await connection.execute('select * from decision where id = %s', (number,))).fetchone()
