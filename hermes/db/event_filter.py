"""A filter of events as a condition over the table `event`, made of those parts that the filter has: the same for
lists, counts and replays.
"""

from typing import Any, Final

from hermes.domain.event_filter import EventFilter
from hermes.domain.record_types import NAMES

PARTS: Final = "jsonb_array_elements(case when jsonb_typeof(outcome) = 'array' then outcome else '[]' end) as part"
ACT: Final = "case when kind = 'act' and body is not null then convert_from(body, 'UTF8')::jsonb end"
ABOUT: Final = "jsonb_path_query_array(a.outcome, '$[*].about[*]')"
"""What an event `a` speaks of: has an index."""
KNOWN_PAIRS: Final = """
    with recursive pair as (
      (select source, kind from event order by source, kind limit 1)
      union all select n.source, n.kind from pair p, lateral (
        select source, kind from event where (source, kind) > (p.source, p.kind) order by source, kind limit 1) n
    ) select source, kind from pair
"""
KNOWN_TYPES: Final = """
    with recursive pair as (
      (select system, type from mirror order by system, type limit 1)
      union all select n.system, n.type from pair p, lateral (
        select system, type from mirror where (system, type) > (p.system, p.type) order by system, type limit 1) n
    ) select system, type from pair
"""
"""All that there are, each found in an index behind the one before it."""
OF_RECORD: Final = f"""
    event.id = any(array(
       select event_id from change where record_type = %(record_type)s and record_id = %(record_id)s
       union select unnest(array[intent_event, answer_event]) from call
         where record_type = %(record_type)s and record_id = %(record_id)s
       union select m.event_id from mirror m join link l using (system, type, remote_id)
         where l.record_type = %(record_type)s and l.record_id = %(record_id)s
       union select a.id from event a where a.outcome is not null and {ABOUT} ?| array(
         select system || ':' || type || ':' || remote_id from link
           where record_type = %(record_type)s and record_id = %(record_id)s
         union select %(record_type)s || ':' || %(record_id)s::bigint)))
"""
OF_SUBJECT: Final = f"""
    event.id = any(array(
       select a.id from event a where a.outcome is not null and {ABOUT} ?| (%(names)s::text[] || array(
         select t.system || ':' || t.type || ':' || %(subject)s from ({KNOWN_TYPES}) t
         union select t.system || ':' || %(subject)s from ({KNOWN_TYPES}) t))
       union select a.id from ({KNOWN_PAIRS}) p join event a on a.source = p.source and a.kind = p.kind
         where %(is_act)s and p.kind = 'act' and {ACT.replace('body', 'a.body').replace('kind', 'a.kind')} ->> 'act' =
           %(subject)s))
"""
"""A part of a name before what is told may be left out."""
CONDITIONS: Final = {
    'state': 'state = %(state)s',
    'source': 'source = %(source)s',
    'kind': 'kind = %(kind)s',
    'after': 'received_at >= %(after)s',
    'before': 'received_at < %(before)s',
    'record': OF_RECORD,
    'subject': OF_SUBJECT,
}


def matching(wanted: EventFilter) -> tuple[str, dict[str, Any]]:
    """The condition under which a row of `event` is meant, and its named parameters."""
    told = {name: getattr(wanted, name) for name in CONDITIONS if getattr(wanted, name) is not None}
    condition = ' and '.join(CONDITIONS[name] for name in told) or 'true'
    if record := wanted.record:
        told |= {'record_type': record.type, 'record_id': record.id}
    if wanted.subject is not None:
        subject = wanted.subject.strip()
        names = [subject, *(f'{kind}:{subject}' for kind in NAMES)]
        told |= {'subject': subject, 'names': names, 'is_act': not subject.isdigit() and ':' not in subject}
    return condition, told
