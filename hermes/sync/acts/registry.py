"""Every act: what carries it out, and who may say it.

Who says an act is the source of its event: an operator (command line, set-up, patches, pages), a visitor of the
website, the host application whose users are kept, or the engine itself. What else may be said
is wired to the engine (`Engine.more_acts`).
"""

from collections.abc import Mapping
from typing import Any, Final

from hermes.domain import acts
from hermes.sync.acts import (  # fmt: skip
    admins,
    app_users,
    decisions,
    fields,
    letters,
    meetings,
    migration,
    people,
    records,
    settings,
    undo,
    users,
    work,
)
from hermes.sync.acts.scope import OPERATOR, Entry

VISITOR, ENGINE, HOST = 'website', 'engine', 'host'
_HOSTS: Final = frozenset({OPERATOR, HOST})


_WORK: Final = (
    (acts.PauseSystem, work.pause),
    (acts.ResumeSystem, work.resume),
    (acts.ForgetAccount, work.forget),
    (acts.RetryPush, work.retry),
    (acts.PushNow, work.push_now),
    (acts.FetchRecord, work.fetch),
    (acts.IgnoreFields, work.ignore),
    (acts.ParkEvent, work.park),
    (acts.ReplayEvent, work.replay),
    (acts.ReplayEvents, work.replay_many),
    (acts.CancelReplay, work.cancel_replay),
    (acts.DismissEvent, work.dismiss),
    (acts.RetryLetter, letters.retry),
    (acts.DismissLetter, letters.dismiss),
    (acts.AddUser, users.add),
    (acts.ChangeUser, users.change),
)
REGISTRY: Final[Mapping[type[Any], Entry]] = {
    acts.SetSetting: Entry(settings.set_setting),
    acts.SetEntryStage: Entry(settings.set_entry_stage),
    acts.AddField: Entry(fields.add),
    acts.SaveField: Entry(fields.save),
    acts.ChangeField: Entry(fields.change),
    acts.RemoveField: Entry(fields.remove),
    acts.FillField: Entry(fields.fill),
    acts.OpenField: Entry(fields.open_),
    acts.BindFields: Entry(fields.bind),
    acts.SaveAdmin: Entry(admins.save),
    acts.RemoveAdmin: Entry(admins.remove),
    acts.ReleaseField: Entry(records.release),
    acts.WriteFields: Entry(records.write),
    acts.CreateRecord: Entry(records.create),
    acts.DeleteRecord: Entry(records.delete),
    acts.RestoreRecord: Entry(records.restore),
    acts.MergeRecords: Entry(records.merge),
    acts.Unlink: Entry(records.unlink),
    acts.Undo: Entry(undo.undo),
    acts.ErasePerson: Entry(people.erase),
    acts.SettleDecision: Entry(decisions.settle),
    acts.BookMeeting: Entry(meetings.book, frozenset({OPERATOR, VISITOR})),
    acts.MoveMeeting: Entry(meetings.move, frozenset({OPERATOR, VISITOR})),
    acts.CancelMeeting: Entry(meetings.cancel, frozenset({OPERATOR, VISITOR, ENGINE})),
    acts.ReassignMeeting: Entry(meetings.reassign),
    acts.RenameMeeting: Entry(meetings.rename, frozenset({OPERATOR, ENGINE})),
    acts.AddAppUser: Entry(app_users.add, _HOSTS),
    acts.ChangeAppUser: Entry(app_users.change, _HOSTS),
    acts.Subscribe: Entry(app_users.subscribe, _HOSTS),
    acts.ModerateAppUser: Entry(app_users.moderate, _HOSTS),
    acts.RemoveAppUser: Entry(app_users.remove, _HOSTS),
    acts.MergeAppUsers: Entry(app_users.merge, _HOSTS),
    acts.SetTarget: Entry(migration.set_target, frozenset({OPERATOR, ENGINE})),
    acts.SetSustainers: Entry(migration.set_sustainers, frozenset({OPERATOR, ENGINE, HOST})),
    acts.DecideAppUser: Entry(app_users.decide),
    acts.ConfirmStep: Entry(migration.confirm),
    acts.NoteStates: Entry(migration.note_states, frozenset({OPERATOR, ENGINE})),
    acts.RollBackRun: Entry(migration.roll_back),
    acts.RetireLegacyIds: Entry(migration.retire),
    **{kind: Entry(handler, moves=False) for kind, handler in _WORK},
}
