"""What an erasure does with every column that can hold a text (S10): a new table or column declares itself here, or a
test fails.
"""

from collections.abc import Mapping
from typing import Final, Literal

Stance = Literal['own', 'searched', 'body', 'hash', 'sealed', 'nobody']
"""own: emptied in the rows of the erased, searched in those of others. searched: read for what names them, in whoever's
row. body: rewritten to what was understood of others, or dropped. hash: a keyed hash or a random token from the start.
sealed: a remote id, of which a keyed hash stays. nobody: what programs and staff say, never a customer's words.
"""
RECORD: Final[Mapping[str, Stance]] = {'extra': 'own', 'claims': 'own', 'tombstone': 'own'}
_COMPANY: Final = (
    'name', 'name_key', 'country', 'website', 'estimated_income', 'currency', 'tc2_status', 'price_plan', 'gclid',
    'signup_questionnaire', 'utm_source', 'utm_campaign', 'referer', 'tc2_cligency_url',
)  # fmt: skip
_PERSON: Final = ('email', 'first_name', 'last_name', 'lang', 'lists', 'target', 'state', 'crm_id', 'cleared')
STAFF: Final = ('extra', 'claims', 'tombstone', 'first_name', 'last_name', 'email', 'timezone', 'working_hours',
                'days_off')  # fmt: skip
STANCES: Final[Mapping[str, Mapping[str, Stance]]] = {
    'event': {
        'source': 'nobody', 'kind': 'nobody', 'dedupe_key': 'hash', 'headers': 'searched', 'body': 'body',
        'state': 'nobody', 'reason': 'searched', 'outcome': 'searched',
    },
    'change': {
        'record_type': 'nobody', 'field': 'nobody', 'old': 'own', 'new': 'own', 'system': 'nobody', 'rule': 'nobody',
        'note': 'own',
    },
    'mirror': {
        'system': 'nobody', 'type': 'nobody', 'remote_id': 'sealed', 'version': 'nobody', 'runs': 'own', 'sent': 'own',
        'merges': 'own', 'deleted': 'nobody', 'deleted_by': 'nobody', 'merged_into': 'sealed', 'corrections': 'own',
        'seen': 'own', 'names': 'own',
    },
    'link': {
        'system': 'nobody', 'type': 'nobody', 'remote_id': 'sealed', 'record_type': 'nobody', 'state': 'nobody',
    },
    'push': {
        'record_type': 'nobody', 'system': 'nobody', 'lane': 'nobody', 'state': 'nobody', 'reason': 'own',
        'detail': 'own', 'ignored': 'nobody', 'intent': 'own', 'leased_by': 'nobody',
    },
    'call': {
        'system': 'nobody', 'op': 'nobody', 'type': 'nobody', 'remote_id': 'sealed', 'record_type': 'nobody',
        'lane': 'nobody', 'reaction': 'nobody', 'rule': 'nobody',
    },
    'company': {**RECORD, **dict.fromkeys(_COMPANY, 'own')},
    'contact': {
        **RECORD, 'first_name': 'own', 'last_name': 'own', 'email': 'own', 'email_keys': 'own', 'phone': 'own',
        'phone_keys': 'own',
    },
    'deal': {**RECORD, 'title': 'own', 'status': 'own'},
    'meeting': {
        **RECORD, 'uid': 'own', 'kind': 'nobody', 'status': 'nobody', 'canceled_by': 'nobody', 'zone': 'own',
        'lang': 'own', 'typed': 'own',
    },
    'app_user': {
        **RECORD, **dict.fromkeys(_PERSON, 'own'), 'user_id': 'own', 'legacy_id': 'own', 'moderation': 'nobody',
        'decided': 'nobody',
    },
    'subscription': {**RECORD, **dict.fromkeys(_PERSON, 'own')},
    'person_key': {'key': 'own'},
    'crm_check': {'record_type': 'nobody', 'target': 'nobody', 'state': 'nobody', 'code': 'own', 'excerpt': 'own'},
    'feed': {'says': 'own'},
    'people_callback': {'message_id': 'nobody'},
    'people_run': {'kind': 'nobody', 'target': 'nobody', 'states': 'nobody', 'counts': 'nobody', 'by': 'nobody'},
    'vault': {'name': 'nobody', 'sealed': 'nobody', 'leased_by': 'nobody', 'broken': 'nobody'},
    'admin': dict.fromkeys(STAFF, 'nobody'),
    'pipeline': {**dict.fromkeys(RECORD, 'nobody'), 'name': 'nobody'},
    'stage': {**dict.fromkeys(RECORD, 'nobody'), 'name': 'nobody'},
    'letter': {
        'kind': 'nobody', 'state': 'nobody', 'reason': 'own', 'message_id': 'own', 'says': 'own',
    },
    'decision': {
        'kind': 'nobody', 'record_type': 'nobody', 'key': 'sealed', 'detail': 'own', 'state': 'nobody',
    },
    'hold': {'token_hash': 'hash', 'client_hash': 'hash'},
    'turn': {'queue': 'nobody', 'client_hash': 'hash', 'why': 'nobody'},
    'standing': {'queue': 'nobody', 'counts': 'nobody', 'last': 'nobody'},
    'allowance': {'kind': 'nobody', 'client_hash': 'hash'},
    'spent_challenge': {'digest': 'hash'},
    'followed_calendar': {
        'calendar': 'nobody', 'sync_token': 'nobody', 'channel_id': 'nobody', 'resource_id': 'nobody',
        'problem': 'nobody',
    },
    'sweep': {
        'system': 'nobody', 'type': 'nobody', 'kind': 'nobody', 'cursor': 'nobody', 'state': 'nobody',
        'digest': 'hash', 'reason': 'searched', 'cause': 'nobody', 'looked': 'nobody',
    },
    'listed': {'remote_id': 'sealed', 'print': 'hash'},
    'proof': {
        'system': 'nobody', 'type': 'nobody', 'state': 'nobody', 'reason': 'searched', 'remote_digest': 'hash',
        'own_digest': 'hash',
    },
    'alert': {'name': 'nobody', 'kind': 'nobody', 'about': 'searched', 'said': 'searched', 'look': 'nobody'},
    'alert_message': {
        'channel': 'nobody', 'target': 'nobody', 'message_id': 'hash', 'body': 'searched', 'state': 'nobody',
        'reason': 'searched',
    },
    'refusal': {'source': 'nobody', 'reason': 'searched'},
    'system_state': {'system': 'nobody', 'reason': 'searched'},
    'pulse': {'name': 'nobody', 'note': 'searched'},
    'erased': {'kind': 'nobody', 'hash': 'hash', 'record_type': 'nobody'},
    'erasure': {'record_type': 'nobody', 'by': 'nobody', 'gone': 'nobody', 'held': 'hash'},
    'setting': {'key': 'nobody', 'value': 'nobody'},
    'custom_field': dict.fromkeys(
        (
            'linked_object_type', 'machine_name', 'name', 'field_type', 'hermes_field_name', 'tc2_machine_name',
            'pd_field_id', 'policy', 'remote_type', 'options', 'problem',
        ),
        'nobody',
    ),
    'desk_user': {
        'email': 'nobody', 'name': 'nobody', 'role': 'nobody', 'password_hash': 'nobody', 'totp_secret': 'nobody',
        'recovery': 'nobody', 'invite_hash': 'hash',
    },
    'desk_session': {'token_hash': 'hash', 'agent': 'nobody'},
    'first_code': {'digest': 'hash'},
    'replay': {'filter': 'searched', 'state': 'nobody', 'worker': 'nobody'},
    'figure': {'system': 'nobody', 'kind': 'nobody', 'name': 'nobody', 'counts': 'nobody'},
    'account': {'system': 'nobody', 'identity': 'nobody'},
    'budget': {'system': 'nobody', 'hours': 'nobody'},
    'reservation': {'system': 'nobody', 'lane': 'nobody'},
    'worker': {'id': 'nobody', 'host': 'nobody'},
    'revision': {'name': 'nobody'},
    'alembic_version': {'version_num': 'nobody'},
}  # fmt: skip
KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    'system_state': ('system',),
    'pulse': ('name',),
    'person_key': ('key',),
    'push': ('record_type', 'record_id', 'system'),
}
"""By what a row is known whose table has no id."""
SMALL: Final = (
    'replay', 'push', 'decision', 'letter', 'sweep', 'proof', 'alert', 'alert_message', 'refusal', 'system_state',
    'pulse', 'app_user', 'subscription', 'person_key', 'crm_check', 'feed',
)  # fmt: skip
"""Tables that are read from end to end for what names the erased."""


def searched(table: str) -> tuple[str, ...]:
    """The columns of a table that are read for what names the erased, in whoever's row."""
    return tuple(name for name, stance in STANCES[table].items() if stance in ('own', 'searched', 'sealed'))
