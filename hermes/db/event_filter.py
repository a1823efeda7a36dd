"""A filter of events as a condition over the table `event`, made of those parts that the filter has: the same for
lists, counts and replays.
"""

from typing import Any, Final

from psycopg.types.json import Jsonb

from hermes.domain.event_filter import EventFilter

PARTS: Final = "jsonb_array_elements(case when jsonb_typeof(outcome) = 'array' then outcome else '[]' end) as part"
ACT: Final = "case when kind = 'act' and body is not null then convert_from(body, 'UTF8')::jsonb end"
OF_RECORD: Final = f"""
    (event.id = any(array(
       select event_id from change where record_type = %(record_type)s and record_id = %(record_id)s
       union select unnest(array[intent_event, answer_event]) from call
         where record_type = %(record_type)s and record_id = %(record_id)s
       union select m.event_id from mirror m join link l using (system, type, remote_id)
         where l.record_type = %(record_type)s and l.record_id = %(record_id)s))
     or {ACT} -> 'record' = %(record)s
     or exists (select from {PARTS} where part -> 'about' ?| array(
       select system || ':' || type || ':' || remote_id from link
         where record_type = %(record_type)s and record_id = %(record_id)s
       union select %(record_type)s || ':' || %(record_id)s::bigint)))
"""
OF_SUBJECT: Final = f"""
    ({ACT} ->> 'act' = %(subject)s
     or exists (select from {PARTS}, jsonb_array_elements_text(part -> 'about') as told
                where told = %(subject)s or told like '%%:' || %(pattern)s))
"""
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
        told |= {'record_type': record.type, 'record_id': record.id, 'record': Jsonb(list(record))}
    if wanted.subject is not None:
        subject = wanted.subject.strip()
        pattern = subject.replace('\\', r'\\').replace('%', r'\%').replace('_', r'\_')
        told |= {'subject': subject, 'pattern': pattern}
    return condition, told
