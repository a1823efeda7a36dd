"""What a visitor asks for, as the act 'meeting.book' says it: read, checked, and what has to be looked up for it.

Times are text in UTC, a name has two words at least, and a BDR is named by our id or by TC2's (D-9).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from hermes.domain.acts import BookMeeting
from hermes.domain.errors import Refused
from hermes.domain.graph import Directory, Phones
from hermes.domain.identity import fold_name
from hermes.domain.matching import Keys
from hermes.domain.model import Value
from hermes.kit.spelling import fold_email
from hermes.kit.texts import read_number
from hermes.parts.roles import PRODUCT, PRODUCT_TITLE


@dataclass(frozen=True, slots=True)
class Booking:
    """What was asked for. `start_at` and `end_at` in canonical text (UTC); `form` as it was validated; `signed`: the
    link that names `company_id` was signed; `bdr` as it came (D-9).
    """

    kind: str
    admin_id: int
    start_at: str
    end_at: str
    buffer_s: int
    uid: str
    zone: str | None
    form: Mapping[str, Value]
    company_id: int | None = None
    signed: bool = False
    bdr: Value = None
    typed: Mapping[str, Value] = field(default_factory=dict)
    """Who the visitor is by their own account, and what could not be read: field of the form -> text as it was typed.
    What is told about the call names the visitor by this, never by what is known of whoever has the address.
    """
    flags: tuple[str, ...] = ()
    lang: str | None = None

    @property
    def rule(self) -> str:
        return 'CB-1' if self.kind == 'sales' else 'CB-2'

    @property
    def email(self) -> str:
        return str(self.form.get('email') or '').strip()

    @property
    def phone(self) -> str:
        return str(self.form.get('phone') or '').strip()

    @property
    def country(self) -> str | None:
        return self.form.get('country') or None

    def phone_keys(self, phones: Phones) -> tuple[str, ...]:
        """The keys of the phone; of one that could not be read, of what was typed."""
        return phones.keys(self.phone or str(self.typed.get('phone') or ''), self.country)

    @property
    def company_key(self) -> str:
        """The key of the company's name; '' where it names nobody, and for a support call."""
        return fold_name(self.form.get('company_name')) if self.kind == 'sales' else ''


def read(act: BookMeeting) -> Booking:
    """What an act asks for, checked. Raises Refused."""
    kind, form = act.kind, dict(act.form)
    if kind not in ('sales', 'support'):
        raise Refused(f'A booking is for a sales or a support call, not for "{kind}".')
    start_at, end_at = moment(act.start_at), moment(act.end_at)
    if end_at <= start_at:
        raise Refused('A meeting ends after it has begun.')
    booking = Booking(
        kind,
        act.admin,
        start_at,
        end_at,
        act.buffer_s,
        act.uid,
        act.zone,
        form,
        act.company,
        act.signed,
        act.bdr,
        dict(act.typed),
        tuple(act.flags),
        act.lang,
    )
    if not booking.email:
        raise Refused('An e-mail address is needed.')
    if kind == 'sales' and not str(form.get('company_name') or '').strip():
        raise Refused("The company's name is needed.")
    split_name(form.get('name'))
    return booking


def moment(value: Value) -> str:
    """A moment in canonical text: UTC, whole seconds. Raises Refused for a time without a zone."""
    try:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        raise Refused(f'"{value}" is no time.') from None
    if at.tzinfo is None:
        raise Refused('A time needs its zone.')
    return at.astimezone(UTC).replace(microsecond=0).isoformat()


def split_name(name: Value) -> tuple[str, str]:
    """First and last name: split at the first space (of any kind), case kept. Raises Refused for a single word."""
    words = str(name or '').split()
    if len(words) < 2:
        raise Refused('Please give your first and your last name.')
    return words[0], ' '.join(words[1:])


def keys(booking: Booking, phones: Phones) -> Keys:
    """What has to be looked up before `book`: besides these, the company that the booking names."""
    return Keys(
        names=(booking.company_key,) if booking.company_key else (),
        emails=(fold_email(booking.email),),
        phones=tuple(sorted(phones.asked(booking.phone_keys(phones)))),
    )


def find_bdr(raw: Value, directory: Directory) -> tuple[int | None, str]:
    """D-9: who a `bdr_person_id` is, and a remark: '' where there is nothing to say. Only active BDR admins count; read
    as our id and as TC2's.
    """
    text = str(raw).strip() if raw is not None else ''
    if text in ('', '0'):
        return None, ''
    number = read_number(text) or 0
    readings = {'our id': number, f"{PRODUCT_TITLE}'s id": directory.admin_of(PRODUCT, number)}
    hits = {how: admin for how, admin in readings.items() if admin is not None and _is_bdr(directory, admin)}
    if len(set(hits.values())) == 1:
        [*how], admin = hits, next(iter(hits.values()))
        return admin, f'D-9: bdr_person_id {text} is admin {admin}, read as {" and ".join(how)}'
    if hits:
        return None, f'D-9: bdr_person_id {text} could be two people'
    return None, f'D-9: bdr_person_id {text} is no active BDR'


def _is_bdr(directory: Directory, number: int) -> bool:
    admin = directory.admins.get(number)
    return admin is not None and admin.fields.get('active') is not False and bool(admin.fields.get('is_bdr_person'))
