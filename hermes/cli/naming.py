"""The outside systems under the names that people write: `pd`, `tc2`, a whole name in any case."""

from hermes.domain.errors import Refused


def system_name(text: str) -> str:
    """The outside system called `text`, also by its short name. Raises Refused."""
    from hermes.parts.systems import names

    known = names()
    if name := known.get(text.strip().lower()):
        return name
    raise Refused(f'There is no system "{text}". The systems are: {", ".join(sorted(set(known.values())))}.')


def canonical(text: str) -> str:
    """What names a remote object (SYSTEM:TYPE:ID), with the system's own name; anything else as it is."""
    from hermes.parts.systems import names

    system, *rest = text.strip().split(':', 2)
    return ':'.join([names().get(system.lower(), system), *rest]) if len(rest) == 2 else text


def remote(text: str) -> str:
    """The same for what has to be a record or a remote object. Raises Refused for a system that nobody knows."""
    system, *rest = text.strip().split(':', 2)
    return ':'.join([system_name(system), *rest]) if len(rest) == 2 else text
