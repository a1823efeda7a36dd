"""Files that a person wants taken over (SETUP-10): checked as a whole first, then applied as one, or not at all.

What is wrong is told with its file, its entry and its key. What the CRM decides is refused with that reason, since its
next word would undo it. What stands already is left, and every change is said.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hermes.cli.setup_files import FIELD_KEYS
from hermes.domain.errors import Refused
from hermes.kit.spelling import fold_email
from hermes.parts.roles import CRM

if TYPE_CHECKING:
    from hermes.cli.session import Session
    from hermes.db.catalogue import Knowledge
    from hermes.domain.acts import Act
    from hermes.domain.fields import CustomField
    from hermes.domain.model import Record
    from hermes.sync.acts.commands import Wanted

TABLES = ('settings', 'pipeline', 'admin', 'field')
PIPELINE_KEYS = {'pd_pipeline_id': int, 'name': str, 'entry_pd_stage_id': int, 'entry_stage': str}
THE_CRMS = {'remote_type', 'options', 'problem'}
"""What Hermes knows of a field because the CRM says it."""
GATHERED = {'pd_field_id', 'tc2_machine_name', 'hermes_field_name', 'field_type'}
"""A field whose source changes has its values gathered anew."""
SHOWN = 5


@dataclass
class Plan:
    """What a file asks for: the acts, what each changes, and fields whose values are gathered afterwards."""

    file: Path
    acts: list['Wanted'] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    filled: list[tuple['CustomField', bool]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def complain(self, entry: str, key: str, what: str) -> None:
        """Something that cannot be taken over."""
        self.wrong.append(': '.join(part for part in (str(self.file), entry, key, what) if part))

    @contextmanager
    def about(self, entry: str, key: str = '') -> Iterator[None]:
        """A refusal in here is a complaint about this entry; the check goes on with the next."""
        try:
            yield
        except Refused as error:
            self.complain(entry, key, str(error))

    def want(self, said: str, act: 'Act | Wanted') -> None:
        """One act more."""
        self.said.append(said)
        self.acts.append(act if callable(act) else _always(act))


def _always(act: 'Act') -> 'Wanted':
    return lambda known: act


def import_setup(session: 'Session', file: Path, told: Mapping[str, Any]) -> list[str]:
    """Take over settings, pipelines, admins and fields; what changed, a line each. Raises Refused."""
    plan = Plan(file)
    _refuse_strangers(plan, told, TABLES)
    known = session.known()
    check_fields(session, plan, known, _tables(plan, told, 'field'))
    check_admins(session, plan, known, _tables(plan, told, 'admin'))
    check_pipelines(plan, known, _tables(plan, told, 'pipeline'))
    check_settings(plan, known, told.get('settings', {}), _tables(plan, told, 'admin'))
    return apply(session, plan)


def import_fields(session: 'Session', file: Path, told: Mapping[str, Any]) -> list[str]:
    """Take over fields alone; what changed, a line each. Raises Refused."""
    plan = Plan(file)
    for name in set(told) & set(TABLES) - {'field'}:
        plan.complain(f'[{name}]', '', 'only fields are taken here; "hermes setup import" takes a whole set-up.')
    _refuse_strangers(plan, told, TABLES)
    check_fields(session, plan, session.known(), _tables(plan, told, 'field'))
    return apply(session, plan)


def apply(session: 'Session', plan: Plan) -> list[str]:
    """All of it in one transaction; then the values of new fields are gathered. Raises Refused for a file in which
    anything is wrong; nothing was done then.
    """
    from hermes.sync import cataloguing
    from hermes.sync.acts import commands

    if plan.wrong:
        more = f' ... and {len(plan.wrong) - SHOWN} more.' if len(plan.wrong) > SHOWN else ''
        raise Refused(f'{" ".join(plan.wrong[:SHOWN])}{more} Nothing was changed.')
    if plan.acts:
        session.do(commands.carry_out_together(session.engine, plan.acts))
    system = session.engine.systems.get(CRM)
    for item, fresh in plan.filled:
        session.do(cataloguing.fill(session.engine, item, system, fresh=fresh))
    return plan.said


def _refuse_strangers(plan: Plan, told: Mapping[str, Any], known: Sequence[str]) -> None:
    for name in set(told) - set(known):
        plan.complain(f'[{name}]', '', f'there is no such part. The parts are: {", ".join(known)}.')


def _tables(plan: Plan, told: Mapping[str, Any], name: str) -> list[tuple[str, dict[str, Any]]]:
    """The entries of a list of tables, each with what it is called in a complaint."""
    found = told.get(name, [])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        plan.complain(f'[[{name}]]', '', 'is no list of tables.')
        return []
    keys = {'admin': 'email', 'pipeline': 'pd_pipeline_id', 'field': 'machine_name'}
    return [
        (f'[[{name}]] {place}{f" ({each[keys[name]]})" if each.get(keys[name]) else ""}', each)
        for place, each in enumerate(found, 1)
    ]


def check_settings(plan: Plan, known: 'Knowledge', told: Any, admins: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """Values by their names; a pipeline by the CRM's id, an admin by the e-mail address, also one of this file."""
    from hermes.cli.config import environment
    from hermes.domain.config import KEYS, check, check_day, effective, find_key

    if not isinstance(told, dict):
        return plan.complain('[settings]', '', 'is no table.')
    emails = {fold_email(str(admin.get('email'))) for _, admin in admins} | set(_by_email(known))
    day = dict(known.settings)
    for name, written in told.items():
        with plan.about('[settings]', name):
            key = KEYS[find_key(name).name]
            if key.type == 'pipeline' and _pipeline(known, written) is None:
                raise Refused(f'this account has no pipeline {written}.')
            if key.type == 'admin' and fold_email(str(written)) not in emails:
                raise Refused(f'there is no admin {written}, nor does the file bring one.')
            if key.record_type is None:
                day[key.name] = check(key, written)
            stored = _stored(known, key.type, written)
            if stored is None or stored != known.settings.get(key.name):
                plan.want(f'{key.name} = {written}', _setting(key.name, key.type, written))
    with plan.about('[settings]'):
        around = environment()
        check_day(*(effective(KEYS[name], day, around) for name in ('meeting_min_start', 'meeting_max_end')))


def _setting(name: str, kind: str, written: Any) -> 'Wanted':
    """The act, when its turn comes: an admin of this file has an id by then."""
    from hermes.domain.acts import SetSetting

    return lambda known: SetSetting(name, _stored(known, kind, written))


def _stored(known: 'Knowledge', kind: str, written: Any) -> Any:
    """A value of the file as it is stored."""
    if kind == 'pipeline':
        return _pipeline(known, written)
    return _by_email(known).get(fold_email(str(written))) if kind == 'admin' else written


def _pipeline(known: 'Knowledge', written: Any) -> int | None:
    return next(
        (
            record.id
            for ref, record in known.directory.links.items()
            if (ref.type, ref.remote_id) == ('pipeline', str(written))
        ),
        None,
    )


def _by_email(known: 'Knowledge') -> dict[str, int]:
    return {
        fold_email(str(admin.fields.get('email'))): number
        for number, admin in known.directory.admins.items()
        if not admin.gone
    }


def check_pipelines(plan: Plan, known: 'Knowledge', tables: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """Where deals enter. The names are the CRM's; they stand in the file for its reader."""
    for entry, told in tables:
        for key, value in told.items():
            if key not in PIPELINE_KEYS:
                plan.complain(entry, key, f'a pipeline has no such key. The keys are: {", ".join(PIPELINE_KEYS)}.')
            elif not isinstance(value, PIPELINE_KEYS[key]) or isinstance(value, bool):
                plan.complain(entry, key, f'is no {"number" if PIPELINE_KEYS[key] is int else "text"}.')
        number = _pipeline(known, told.get('pd_pipeline_id'))
        if number is None:
            plan.complain(entry, 'pd_pipeline_id', 'this account has no such pipeline: is it another account?')
            continue
        _check_entry(plan, entry, known, known.directory.pipelines[number], told)


def _check_entry(plan: Plan, entry: str, known: 'Knowledge', pipeline: 'Record', told: Mapping[str, Any]) -> None:
    if told.get('name', pipeline.fields.get('name')) != pipeline.fields.get('name'):
        is_called = f'the CRM calls it "{pipeline.fields.get("name")}", and its name is the CRM\'s: rename it there.'
        plan.complain(entry, 'name', is_called)
    if told.get('entry_pd_stage_id') is None:
        return
    stages = {
        ref.remote_id: known.directory.stages[record.id]
        for ref, record in known.directory.links.items()
        if ref.type == 'stage' and record.id in known.directory.stages
    }
    stage = stages.get(str(told['entry_pd_stage_id']))
    if stage is None or stage.fields.get('pipeline_id') != pipeline.ref.id:
        return plan.complain(entry, 'entry_pd_stage_id', 'this pipeline has no such stage.')
    from hermes.domain.acts import SetEntryStage

    if stage.ref.id != pipeline.fields.get('dft_entry_stage_id'):
        name = f'{pipeline.fields.get("name")} enters at {stage.fields.get("name")}'
        plan.want(name, SetEntryStage(pipeline.ref.id, stage.ref.id))


def check_admins(
    session: 'Session', plan: Plan, known: 'Knowledge', tables: Sequence[tuple[str, Mapping[str, Any]]]
) -> None:
    """Each is known by address or id; none twice. Whether somebody is there is said by their user in the CRM."""
    from hermes.domain.acts import SaveAdmin
    from hermes.domain.staff import check_staff, show_name
    from hermes.setup.admins import read_users
    from hermes.sync.acts.admins import find

    users = session.do(read_users(session.engine)) if tables and _has_crm(session) else []
    there = {user.pd: user.active for user in users}
    sim, met = known, dict[int, str]()
    for place, (entry, told) in enumerate(tables, 1):
        with plan.about(entry):
            fields = check_staff(told)
            number = find(None, fields, sim)
            if number in met:
                raise Refused(f'is the same person as {met[number]}.')
            standing = known.directory.admins.get(number) if number else None
            _check_presence(fields, standing, there)
            number = number if number is not None else -place
            met[number] = entry
            before = dict(standing.fields) if standing else {}
            sim = _with_admin(sim, number, {**before, **fields})
            changed = [name for name, value in fields.items() if before.get(name) != value]
            if standing is None or changed or standing.gone:
                who = f'admin {show_name({**before, **fields})}'
                plan.want(f'{who}: {", ".join(changed) if standing else "added"}', SaveAdmin(fields))


def _check_presence(fields: Mapping[str, Any], standing: 'Record | None', there: Mapping[int, bool]) -> None:
    """`active` is the CRM's where it has a user. Raises Refused for another word than its own."""
    before = standing.fields if standing else {}
    owner = fields.get('pd_owner_id', before.get('pd_owner_id')) or 0
    if 'active' not in fields or not owner:
        return
    truth = there.get(owner, before.get('active', True))
    if fields['active'] != truth:
        now = 'is active' if truth else 'is not active'
        raise Refused(
            f'active: follows the user {owner} of the CRM, who {now}; its next word would undo this. Change it there, '
            'or say bookable = false.'
        )


def _with_admin(known: 'Knowledge', number: int, fields: Mapping[str, Any]) -> 'Knowledge':
    from hermes.domain.model import Record, RecordRef

    admins = {**known.directory.admins, number: Record(RecordRef('admin', number), fields)}
    return replace(known, directory=replace(known.directory, admins=admins))


def _has_crm(session: 'Session') -> bool:
    return CRM in session.engine.systems


def check_fields(
    session: 'Session', plan: Plan, known: 'Knowledge', tables: Sequence[tuple[str, Mapping[str, Any]]]
) -> None:
    """New fields are added, known ones changed where the file says otherwise; a company's before those that inherit
    it.
    """
    from hermes.domain.fields import Catalogue
    from hermes.sync.acts.fields import FILLING, check_field, key_of

    read = [(entry, item) for entry, told in tables if (item := _read_field(plan, entry, told)) is not None]
    if not read:
        return
    remote = _remote_fields(session)
    custom, met = {key_of(item): item for item in known.catalogue.custom}, dict[tuple[str, str], str]()
    for entry, item in sorted(read, key=lambda each: each[1].inherited):
        key, old = key_of(item), custom.get(key_of(item))
        with plan.about(entry):
            if key in met:
                raise Refused(f'is the same field as {met[key]}.')
            met[key] = entry
            catalogue = Catalogue(tuple(custom.values()))
            to: dict[str, Any] = _changes(item, old) if old else {}
            if old is not None and not to:
                if old.problem == FILLING:
                    plan.filled.append((old, False))
                continue
            wanted = replace(old, **to) if old else item
            check_field(wanted, catalogue)
            custom[key] = bound = _fit(wanted, old, to, remote)
            check_field(bound, Catalogue(tuple(custom.values())))
            _want_field(plan, bound, old, to)


def _read_field(plan: Plan, entry: str, told: Mapping[str, Any]) -> 'CustomField | None':
    from hermes.domain.fields import CustomField

    before = len(plan.wrong)
    for key, value in told.items():
        if key in THE_CRMS:
            plan.complain(entry, key, "is the CRM's to say: it is read from there.")
        elif key not in FIELD_KEYS:
            plan.complain(entry, key, f'a field has no such key. The keys are: {", ".join(FIELD_KEYS)}.')
        elif not isinstance(value, str):
            plan.complain(entry, key, 'is no text.')
    for key in ('linked_object_type', 'machine_name', 'field_type'):
        if key not in told:
            plan.complain(entry, key, 'is missing.')
    if len(plan.wrong) > before:
        return None
    return CustomField(**{'name': told['machine_name'], **told})


def _remote_fields(session: 'Session') -> dict[str, Any]:
    """What the CRM says of its fields, by type of record; nothing where it is off."""
    from hermes.sync import cataloguing

    if not _has_crm(session):
        return {}
    types = session.crm.profile.fields.types.values()
    return {kind: session.do(cataloguing.look(session.engine, session.crm, kind)) for kind in types}


def _changes(item: 'CustomField', old: 'CustomField') -> dict[str, Any]:
    """What the file says otherwise; a name only counts with the id that it names."""
    to = {
        key: getattr(item, key)
        for key in FIELD_KEYS
        if getattr(item, key) != getattr(old, key) and not (key in ('pd_field_id', 'name') and not item.pd_field_id)
    }
    if 'pd_field_id' not in to:
        to.pop('name', None)
    return to


def _fit(
    wanted: 'CustomField', old: 'CustomField | None', to: Mapping[str, Any], remote: Mapping[str, Any]
) -> 'CustomField':
    """The field as the CRM has it. Raises Refused for an id that it does not know, or a type that cannot hold ours."""
    from hermes.sync import cataloguing
    from hermes.sync.acts.fields import label

    if remote and wanted.record_type not in remote and wanted.pd_field_id:
        raise Refused(f'The CRM has no custom fields for {wanted.linked_object_type.lower()}s.')
    if not (old is None or old.problem or GATHERED & set(to)) or wanted.record_type not in remote:
        return wanted
    called = to.get('name', '') if old else ''
    bound = cataloguing.fit(wanted, remote[wanted.record_type], by_id=not old or 'pd_field_id' in to, called=called)
    if bound.problem:
        raise Refused(f'{label(wanted)}: {bound.problem}.')
    return bound


def _want_field(plan: Plan, bound: 'CustomField', old: 'CustomField | None', to: Mapping[str, Any]) -> None:
    from hermes.domain.acts import AddField, ChangeField
    from hermes.sync.acts.fields import FILLING

    name = f'{bound.linked_object_type} field {bound.machine_name}'
    waiting = replace(bound, problem=FILLING if bound.pd_field_id else '')
    if old is None:
        plan.want(f'{name}: added', AddField(asdict(waiting)))
    else:
        fields = {key: value for key, value in asdict(waiting).items() if value != getattr(old, key)}
        act = ChangeField(old.linked_object_type, old.machine_name, fields)
        plan.want(f'{name}: {", ".join(to)}', act)
    plan.filled.append((bound, old is not None and not GATHERED & set(to)))
