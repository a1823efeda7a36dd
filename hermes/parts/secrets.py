"""The secrets among the settings: what signs, and what no log may show."""

from typing import Any

from hermes.settings import Settings, reveal


def channel_secrets(settings: Settings) -> list[str]:
    """What signs the tokens of calendars' channels: the first signs, all verify."""
    return [
        secret.get_secret_value()
        for secret in (*settings.signing_key, settings.secret_key)
        if secret.get_secret_value()
    ]


def hash_key(settings: Settings) -> str:
    """By what e-mails, and those who were erased, are hashed: SECRET_KEY where there is one."""
    return next(iter((*reveal(settings.secret_key), *channel_secrets(settings))), '')


def secrets_of(settings: Settings) -> list[str]:
    """Every live secret, to be masked in logs (S8)."""
    found: list[str] = []
    for name in type(settings).model_fields:
        value: Any = getattr(settings, name)
        for item in value if isinstance(value, tuple) else (value,):
            if hasattr(item, 'get_secret_value') and item.get_secret_value():
                found.append(item.get_secret_value())
    return found
