"""How a command fails: the exit code and the one sentence of what a person can put right."""

import errno

REFUSED = 1
"""The exit code of what a person can put right."""


def sentence_of(error: Exception) -> str:
    """One sentence about what a person can put right; '' for anything else."""
    # Imported when something has gone wrong, for the sake of `--help`.
    from hermes.db.connections import DatabaseAway
    from hermes.domain.errors import HermesError
    from hermes.settings import SettingsError

    if isinstance(error, HermesError | SettingsError):
        return str(error)
    if isinstance(error, DatabaseAway):
        told = str(error).strip().splitlines()
        return f'The database cannot be used: {told[0] if told else "no answer"}. {advise_database()}'
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f'No space is left on the disk{f" of {error.filename}" if error.filename else ""}: make room.'
    return ''


def advise_database() -> str:
    """What to do about a database that is away: the embedded one is started, a server of one's own is looked after."""
    from hermes.settings import SettingsError, load

    try:
        embedded = not load().database_url
    except SettingsError:
        embedded = False
    return 'Run "hermes db start".' if embedded else 'Check DATABASE_URL, and whether that server runs.'
