"""Letters about meetings as rows: written by the transaction that stores the meeting (domain/meeting.py says which).

Of new times nobody is told more often than once a minute: a move within a minute of another replaces its letter.
"""

from collections.abc import Sequence

from hermes.db.codec import dump
from hermes.db.pool import Connection
from hermes.domain.meeting import letters
from hermes.domain.model import Record

DROP = """
    update letter set state = 'dropped', reason = 'the meeting was moved or cancelled'
    where meeting_id = any(%s) and kind = 'reminder' and state = 'due'
"""
INSERT = """
    insert into letter (meeting_id, kind, sequence, due_at, message_id)
    select meeting_id, kind, sequence, case when kind <> 'moved' then due_at else greatest(due_at, (
        select max(case o.state when 'sent' then o.sent_at + interval '1 minute' else o.due_at end) from letter o
        where o.meeting_id = r.meeting_id and o.kind = 'moved' and o.state in ('due', 'sent'))) end, message_id
    from jsonb_to_recordset(%s)
      as r(meeting_id bigint, kind text, sequence bigint, due_at timestamptz, message_id text)
    on conflict (meeting_id, kind, sequence) do nothing
"""


async def write(connection: Connection, stored: Sequence[tuple[Record | None, Record]]) -> None:
    """The letters that follow from meetings as they were and are; reminders of what was moved or canceled are
    dropped.
    """
    rows = await connection.execute('select hermes_now() as now')
    row = await rows.fetchone()
    assert row is not None
    due = [(after, letter) for before, after in stored for letter in letters(before, after, row['now'])]
    if not due:
        return
    await connection.execute(DROP, (sorted({record.ref.id for record, _ in due}),))
    told = [
        {
            'meeting_id': record.ref.id,
            'message_id': f'{record.fields["uid"]}.{letter.kind}.{letter.sequence}',
            **letter._asdict(),
        }
        for record, letter in due
    ]
    await connection.execute(INSERT, (dump(told),))
