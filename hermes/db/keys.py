"""Keys: by what contacts are found, stored beside their values and kept with every write.

They follow from what we believe of a contact, from what its objects say, and from its company's country, so that all of
a company's contacts are looked at when any of these was written. The key of a company's name is a part of its row.
"""

from hermes.db.codec import dump
from hermes.db.pool import Connection
from hermes.domain.graph import Graph
from hermes.domain.identity import addresses, telephones
from hermes.domain.model import Record, RecordRef
from hermes.kit import phones

KEEP = """
    update contact c set email_keys = k.emails, phone_keys = k.phones
    from jsonb_to_recordset(%s) as k(id bigint, emails text[], phones text[])
    where c.id = k.id and (c.email_keys, c.phone_keys) is distinct from (k.emails, k.phones)
"""


async def keep(connection: Connection, graph: Graph) -> None:
    """Bring the keys of every contact to what the graph says, where something of it was touched."""
    found = {contact.ref: _row(graph, contact) for contact in _looked_at(graph)}
    rows = [row for ref, row in found.items() if graph.keys.get(ref) != (row['emails'], row['phones'])]
    graph.keys |= {ref: (row['emails'], row['phones']) for ref, row in found.items()}
    if rows:
        await connection.execute(KEEP, (dump(rows),))


def _looked_at(graph: Graph) -> list[Record]:
    touched = {ref for ref in graph.touched_records if ref.type in ('company', 'contact')}
    touched |= {ref for mirror in graph.touched_mirrors if (ref := graph.mirrors[mirror].record) is not None}
    companies = {_company_of(graph, ref) for ref in touched} - {None}
    found = {contact.ref for number in companies if number for contact in graph.children(number, 'contact')}
    found |= {ref for ref in touched if ref.type == 'contact'}
    known = (graph.records[ref] for ref in sorted(found) if ref in graph.records)
    return [contact for contact in known if graph.company(contact) is not None]


def _company_of(graph: Graph, ref: RecordRef) -> int | None:
    record = graph.records.get(ref)
    return ref.id if ref.type == 'company' else record.company_id if record and ref.type == 'contact' else None


def _row(graph: Graph, contact: Record) -> dict[str, object]:
    """One that was merged away is found by nothing: the survivor is."""
    gone = contact.alias_of is not None
    return {
        'id': contact.ref.id,
        'emails': [] if gone else sorted(addresses(graph, contact)),
        'phones': [] if gone else sorted(telephones(graph, contact, phones)),
    }
