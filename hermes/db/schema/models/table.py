"""What all tables have in common: their name is the class's, their columns are spelled out."""

import re
from typing import Any

from sqlalchemy import BigInteger, DateTime, Identity, text
from sqlalchemy.orm import declared_attr
from sqlmodel import Field, SQLModel

Whole = BigInteger
Moment = DateTime(timezone=True)


def column(
    kind: Any,
    *,
    null: bool = True,
    key: bool = False,
    identity: bool = False,
    server: str = '',
    to: str = '',
    ondelete: Any = None,
) -> Any:
    """A column: `server` is its default in SQL, `to` the column that it references."""
    more: dict[str, Any] = {}
    if to:
        more['foreign_key'] = to
    if ondelete:
        more['ondelete'] = ondelete
    if identity:
        more['sa_column_args'] = [Identity(always=True)]
    if server:
        more['sa_column_kwargs'] = {'server_default': text(server)}
    return Field(default=None, sa_type=kind, nullable=null and not key, primary_key=key, **more)


class Table(SQLModel):
    """A table named after its class: CustomField is custom_field."""

    @declared_attr.directive
    def __tablename__(cls) -> str:
        return re.sub(r'(?<!^)(?=[A-Z])', '_', cls.__name__).lower()
