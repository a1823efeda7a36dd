"""Acts: what a person, a visitor or the engine itself commands, one frozen class each.

An act follows from what it says alone, so that a replay of the log does the same again (I14). How it is read and
written stands in `db/acts.py`, what carries it out in `sync/acts/`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from hermes.domain.event_filter import EventFilter
from hermes.domain.model import RecordRef, RemoteRef, Value
from hermes.parts.roles import CRM

By = Literal['visitor', 'admin', 'calendar', 'refused']
"""Who changes a meeting; 'refused': the calendar, for good."""


@dataclass(frozen=True, slots=True)
class SetSetting:
    """One key of the Config (`hermes config set`)."""

    key: str
    value: Value


@dataclass(frozen=True, slots=True)
class SetEntryStage:
    """SETUP-1: the stage at which a pipeline's deals begin, both by our ids."""

    pipeline: int
    stage: int


@dataclass(frozen=True, slots=True)
class AddField:
    """A custom field more; `field`: the values of a CustomField."""

    field: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SaveField:
    """A custom field as it is said, whatever stood there: unchecked, and nothing is gathered."""

    field: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ChangeField:
    """Other values for what is named in `to`. `linked`: the type of record, as the catalogue calls it."""

    linked: str
    machine_name: str
    to: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RemoveField:
    """A field leaves the catalogue."""

    linked: str
    machine_name: str


@dataclass(frozen=True, slots=True)
class FillField:
    """What known objects said about a field before it was in the catalogue.

    `seen`: [system, type, remote id, [seconds, sub], value, origin]; `companies`: whose rules run in any case.
    """

    linked: str
    machine_name: str
    seen: Sequence[Any]
    companies: Sequence[int]


@dataclass(frozen=True, slots=True)
class OpenField:
    """The values of a field are gathered: pushes may send it."""

    linked: str
    machine_name: str


@dataclass(frozen=True, slots=True)
class BindFields:
    """SETUP-10: which fields of the CRM ours are. `ids`: [linked, machine name, the CRM's id]."""

    ids: Sequence[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class SaveAdmin:
    """An admin, known by `id`, else by e-mail, TC2 id or CRM user."""

    fields: Mapping[str, Value]
    id: int | None = None


@dataclass(frozen=True, slots=True)
class RemoveAdmin:
    """Nobody is given to them any more."""

    id: int


@dataclass(frozen=True, slots=True)
class PauseSystem:
    """Nothing is said to a system."""

    system: str
    reason: str = ''


@dataclass(frozen=True, slots=True)
class ResumeSystem:
    """It is spoken with again; `account`: which, where the database was restored (SETUP-7)."""

    system: str
    account: str = ''


@dataclass(frozen=True, slots=True)
class ForgetAccount:
    """SETUP-12: the database belongs to the next account that answers."""

    system: str


@dataclass(frozen=True, slots=True)
class RetryPush:
    """OUT-6: what is parked or held is tried again: of one record, or `all` (of one system, where it is named)."""

    record: RecordRef | None = None
    system: str = ''
    all: bool = False


@dataclass(frozen=True, slots=True)
class IgnoreFields:
    """OUT-6: these fields of a record are not sent any more."""

    record: RecordRef
    fields: Sequence[str]
    system: str = CRM


@dataclass(frozen=True, slots=True)
class WriteFields:
    """D-22: an operator's values for a record, decreed; `reason`: why, which the product's own fields need."""

    record: RecordRef
    values: Mapping[str, Value]
    reason: str = ''


@dataclass(frozen=True, slots=True)
class CreateRecord:
    """A company; or a contact or a deal `under` one (its id)."""

    type: str
    fields: Mapping[str, Value]
    under: int | None = None


@dataclass(frozen=True, slots=True)
class DeleteRecord:
    """D-2: a record and what hangs under it are deleted here, and in the CRM."""

    record: RecordRef


@dataclass(frozen=True, slots=True)
class RestoreRecord:
    """D-2: a deletion is taken back."""

    record: RecordRef


@dataclass(frozen=True, slots=True)
class MergeRecords:
    """One of two records of ours goes into the other."""

    record: RecordRef
    into: RecordRef


@dataclass(frozen=True, slots=True)
class Unlink:
    """A remote object is not this record: it is one of its own."""

    record: RecordRef
    remote: RemoteRef


@dataclass(frozen=True, slots=True)
class FetchRecord:
    """The remote objects of a record are read again."""

    record: RecordRef


@dataclass(frozen=True, slots=True)
class PushNow:
    """What is to be sent of a record goes now, before all others."""

    record: RecordRef


@dataclass(frozen=True, slots=True)
class Undo:
    """ADM-13: an operator's act is taken back, as long as nothing newer stands on it."""

    event: int


@dataclass(frozen=True, slots=True)
class ReleaseField:
    """A decree of a field ends (D-22), or a person's edit in the CRM no longer holds it (FIELD-2)."""

    record: RecordRef
    field: str


@dataclass(frozen=True, slots=True)
class ErasePerson:
    """Somebody is forgotten, or a company with all of its people (S10). Nothing of them stands in it."""

    record: RecordRef


@dataclass(frozen=True, slots=True)
class ParkEvent:
    """An event is put aside before it is applied."""

    event: int
    reason: str = ''


@dataclass(frozen=True, slots=True)
class ReplayEvent:
    """An event that arrived is applied again."""

    event: int


@dataclass(frozen=True, slots=True)
class ReplayEvents:
    """Whatever arrived before this act and fits a filter is applied again, in the background."""

    filter: EventFilter


@dataclass(frozen=True, slots=True)
class CancelReplay:
    """What a replay has not come to yet stays as it is."""

    replay: int


@dataclass(frozen=True, slots=True)
class DismissEvent:
    """What is parked is not wanted any more."""

    event: int
    reason: str = ''


@dataclass(frozen=True, slots=True)
class RetryLetter:
    """A letter goes out again."""

    letter: int


@dataclass(frozen=True, slots=True)
class DismissLetter:
    """A letter is not wanted any more."""

    letter: int
    reason: str = ''


@dataclass(frozen=True, slots=True)
class SettleDecision:
    """A person's answer to a question. It says itself what was asked, so that a fold needs no row of it; or names the
    question by its number (`decision`).
    """

    choice: str
    value: Value = None
    decision: int | None = None
    kind: str = ''
    key: str = ''
    record: RecordRef | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BookMeeting:
    """CB-1, CB-2: a visitor's booking. Times are text with their zone; `bdr` as it came (D-9); `lang`: the code of the
    language in which the visitor is written to, None for English.
    """

    kind: str
    admin: int
    start_at: str
    end_at: str
    uid: str
    form: Mapping[str, Value]
    buffer_s: int = 0
    zone: str | None = None
    typed: Mapping[str, Value] = field(default_factory=dict)
    flags: Sequence[str] = ()
    company: int | None = None
    signed: bool = False
    bdr: Value = None
    request: str = ''
    """A digest of the request, by which the same one is known again (S20)."""
    lang: str | None = None


@dataclass(frozen=True, slots=True)
class MoveMeeting:
    """CB-13: another time, and from then on (where it is said) another buffer."""

    meeting: int
    start_at: str
    end_at: str
    by: By
    buffer_s: int | None = None


@dataclass(frozen=True, slots=True)
class CancelMeeting:
    """CB-7, CB-13, CB-15: off, for good."""

    meeting: int
    by: By
    reason: str = ''


@dataclass(frozen=True, slots=True)
class ReassignMeeting:
    """CB-22: another admin at the same time."""

    meeting: int
    admin: int
    by: By = 'admin'


@dataclass(frozen=True, slots=True)
class RenameMeeting:
    """The id of a meeting's event is somebody else's: the next one."""

    meeting: int
    by: By = 'refused'
    reason: str = ''


@dataclass(frozen=True, slots=True)
class AddUser:
    """Somebody may log in to the desk; how they get a password stands in no act."""

    email: str
    name: str
    role: str


@dataclass(frozen=True, slots=True)
class ChangeUser:
    """Another role or name for a user, or an end or a return of their access. None: as it was."""

    user: int
    role: str | None = None
    name: str | None = None
    disabled: bool | None = None


@dataclass(frozen=True, slots=True)
class AddAppUser:
    """AU-1: somebody signed up, or is taken over from before. `id`: the number that was drawn for the key (the host's
    `user_id`, else the address). `migrated`: they were kept elsewhere before; `crm_id`: the target's, if known.
    """

    id: int
    email: str
    first_name: str = ''
    last_name: str = ''
    lang: str = 'en'
    educator: bool = False
    lists: Sequence[str] = ()
    user_id: str = ''
    legacy_id: str = ''
    crm_id: str = ''
    migrated: bool = False


@dataclass(frozen=True, slots=True)
class ChangeAppUser:
    """AU-2: other values for what is named in `to` (email, first_name, last_name, lang, educator, lists)."""

    id: int
    to: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Subscribe:
    """AU-3: an address without an account is on these lists too. `id`: the number that was drawn for the address."""

    id: int
    email: str
    lists: Sequence[str]
    first_name: str = ''
    last_name: str = ''
    lang: str = 'en'
    educator: bool = False


@dataclass(frozen=True, slots=True)
class ModerateAppUser:
    """AU-4, AU-5: 'spam', 'review' or 'account_deleted'; '' takes it back."""

    id: int
    action: Literal['', 'spam', 'review', 'account_deleted']


@dataclass(frozen=True, slots=True)
class RemoveAppUser:
    """AU-20: the host deleted the account."""

    id: int


@dataclass(frozen=True, slots=True)
class MergeAppUsers:
    """AU-20: two accounts of the host are one, the second from now on."""

    id: int
    into: int


@dataclass(frozen=True, slots=True)
class SetTarget:
    """AU-13: app users are written to another system from now on ('' to none), in a phase of the migration."""

    target: str
    phase: str
    note: str = ''


@dataclass(frozen=True, slots=True)
class ConfirmStep:
    """AU-13: somebody did a step of the migration by hand. `on`: the date, as ISO 8601; '' takes it back."""

    step: str
    by: str
    on: str


@dataclass(frozen=True, slots=True)
class NoteStates:
    """AU-9: what an answer that was none made of these app users, step by step. `said`: what was answered, redacted."""

    ids: Sequence[int]
    steps: Sequence[str]
    said: str
    run: int = 0


@dataclass(frozen=True, slots=True)
class RollBackRun:
    """AU-11: what a run wrote is taken back, where it still stands."""

    run: int


@dataclass(frozen=True, slots=True)
class RetireLegacyIds:
    """AU-12: the ids of the CRM that was left are dropped."""


@dataclass(frozen=True, slots=True)
class SetSustainers:
    """AU-6: who is a sustainer from now on, and who no longer, by our numbers."""

    on: Sequence[int]
    off: Sequence[int]
    target: str = ''


@dataclass(frozen=True, slots=True)
class DecideAppUser:
    """AU-11: what becomes of somebody whom the target does not know, or knows twice: 'create', 'link' (to `crm_id`),
    'skip' (not there, for good), 'retry'.
    """

    id: int
    choice: Literal['create', 'link', 'skip', 'retry']
    crm_id: str = ''
    reason: str = ''


@dataclass(frozen=True, slots=True)
class TakeOver:
    """A part of an older database, as it stood there. `step`: which part."""

    step: str
    told: Mapping[str, Any]


Act = (
    SetSetting | SetEntryStage | AddField | SaveField | ChangeField | RemoveField | FillField | OpenField | BindFields
    | SaveAdmin | RemoveAdmin | PauseSystem | ResumeSystem | ForgetAccount | RetryPush | IgnoreFields | ReleaseField
    | WriteFields | CreateRecord | DeleteRecord | RestoreRecord | MergeRecords | Unlink | FetchRecord | PushNow | Undo
    | ErasePerson
    | ParkEvent | ReplayEvent | DismissEvent | RetryLetter | DismissLetter | SettleDecision
    | ReplayEvents | CancelReplay
    | BookMeeting | MoveMeeting | CancelMeeting | ReassignMeeting | RenameMeeting | AddUser | ChangeUser | TakeOver
    | AddAppUser | ChangeAppUser | Subscribe | ModerateAppUser | RemoveAppUser | MergeAppUsers | SetTarget
    | SetSustainers | DecideAppUser | ConfirmStep | NoteStates | RollBackRun | RetireLegacyIds
)  # fmt: skip

NAMES: Final[Mapping[str, type[Any]]] = {
    'setting.set': SetSetting,
    'pipeline.entry': SetEntryStage,
    'field.add': AddField,
    'field.save': SaveField,
    'field.change': ChangeField,
    'field.remove': RemoveField,
    'field.fill': FillField,
    'field.open': OpenField,
    'fields.bind': BindFields,
    'admin.save': SaveAdmin,
    'admin.remove': RemoveAdmin,
    'system.pause': PauseSystem,
    'system.resume': ResumeSystem,
    'account.forget': ForgetAccount,
    'push.retry': RetryPush,
    'push.ignore': IgnoreFields,
    'release': ReleaseField,
    'record.write': WriteFields,
    'record.create': CreateRecord,
    'record.delete': DeleteRecord,
    'record.restore': RestoreRecord,
    'record.merge': MergeRecords,
    'record.fetch': FetchRecord,
    'link.remove': Unlink,
    'push.now': PushNow,
    'undo': Undo,
    'person.erase': ErasePerson,
    'event.park': ParkEvent,
    'event.replay': ReplayEvent,
    'events.replay': ReplayEvents,
    'replay.cancel': CancelReplay,
    'event.dismiss': DismissEvent,
    'letter.retry': RetryLetter,
    'letter.dismiss': DismissLetter,
    'decision.settle': SettleDecision,
    'meeting.book': BookMeeting,
    'meeting.move': MoveMeeting,
    'meeting.cancel': CancelMeeting,
    'meeting.reassign': ReassignMeeting,
    'meeting.rename': RenameMeeting,
    'user.add': AddUser,
    'user.change': ChangeUser,
    'people.add': AddAppUser,
    'people.change': ChangeAppUser,
    'people.subscribe': Subscribe,
    'people.moderate': ModerateAppUser,
    'people.remove': RemoveAppUser,
    'people.merge': MergeAppUsers,
    'people.target': SetTarget,
    'people.sustainers': SetSustainers,
    'people.decide': DecideAppUser,
    'people.confirm': ConfirmStep,
    'people.states': NoteStates,
    'people.rollback': RollBackRun,
    'people.retire': RetireLegacyIds,
}
"""What an act is called in the log, for each class but TakeOver, whose steps are called `legacy.<step>`."""
NAME_OF: Final[Mapping[type[Any], str]] = {kind: name for name, kind in NAMES.items()}
