"""Secrets among settings: which they are, and the files that hold them (`NAME_FILE`). No text shows what is in one."""

import os
from pathlib import Path
from typing import Any, get_args

from dotenv import dotenv_values
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource


class SettingsError(Exception):
    """A setting is wrong or missing; the text is one plain sentence per setting, without the value."""


class SecretFiles(PydanticBaseSettingsSource):
    """Reads `NAME` from the file that `NAME_FILE` points at, for the settings that are secrets."""

    def __init__(self, settings_cls: type[BaseSettings], dotenv: PydanticBaseSettingsSource) -> None:
        super().__init__(settings_cls)
        file = getattr(dotenv, 'env_file', None)
        self._home = Path(str(file)).parent if file else Path()
        self._told = dotenv_values(str(file)) if file else {}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        name = f'{field_name.upper()}_FILE'
        path, told = os.environ.get(name), self._told.get(name)
        if not (path or told) or not is_secret(field):
            return None, field_name, False
        try:
            file = Path(path) if path else self._home / str(told)
            return file.read_text().strip(), field_name, False
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, 'strerror', None) or 'not text'
            raise SettingsError(f'{field_name.upper()}_FILE: the file cannot be read ({why}).') from None

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


def is_secret(field: FieldInfo) -> bool:
    """True if the setting's type says that its value must never be shown."""
    return field.annotation is SecretStr or SecretStr in get_args(field.annotation)


def reveal(value: SecretStr | tuple[SecretStr, ...]) -> tuple[str, ...]:
    """The plain secrets in `value`, without empty ones."""
    secrets = value if isinstance(value, tuple) else (value,)
    return tuple(secret.get_secret_value() for secret in secrets if secret.get_secret_value())
