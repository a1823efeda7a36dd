"""The org as JSON values and back, so that the sandbox survives a restart. Sessions do not: callers sign in again."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hermes.sandbox.salesforce.schema import write_objects
from hermes.sandbox.salesforce.sessions import Troubles

if TYPE_CHECKING:
    from hermes.sandbox.salesforce.org import Org

Json = dict[str, Any]


def dump(org: Org) -> Json:
    tables = org.store.tables.items()
    return {
        'org_id': vars(org).get('org_id'),
        'schema': write_objects({name: table.spec for name, table in tables}, org.spam),
        'rows': {name: list(table.rows.values()) for name, table in tables},
        'last_numbers': {name: table.last_number for name, table in tables},
        'writable': sorted(org.writable),
        'session_s': org.tokens.session_s,
        'daily': org.ledger.daily,
        'calls': [moment.isoformat() for moment in org.ledger.calls],
        'refused': org.ledger.refused,
        'troubles': asdict(org.troubles),
        'faults': org.faults.state(),
        'flow': {
            'on': org.flow.on,
            'lag_s': org.flow.lag_s,
            'waiting': [[at.isoformat(), name, record_id] for at, name, record_id in org.flow.waiting],
        },
    }


def load(org: Org, kept: Json) -> None:
    if kept['org_id'] is not None:
        org.org_id = kept['org_id']
    org.load_objects(kept['schema'])
    for name, table in org.store.tables.items():
        table.last_number = kept['last_numbers'][name]
        for row in kept['rows'][name]:
            table.put(row)
    org.writable = set(kept['writable'])
    org.tokens.session_s = kept['session_s']
    org.ledger.daily, org.ledger.refused = kept['daily'], kept['refused']
    org.ledger.calls = deque(datetime.fromisoformat(moment) for moment in kept['calls'])
    org.troubles = Troubles(**kept['troubles'])
    org.faults.load(kept['faults'])
    flow = kept['flow']
    org.flow.on, org.flow.lag_s = flow['on'], flow['lag_s']
    org.flow.waiting = deque((datetime.fromisoformat(at), name, one) for at, name, one in flow['waiting'])
