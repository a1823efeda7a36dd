"""What a posted form holds, as plain text by name; and the exception that tells a person why an act was not done."""

from fastapi import Request

FORM_BYTES = 64_000


class NotDone(Exception):
    """The act was refused; its text is for the person who asked."""


async def read_form(request: Request) -> dict[str, str]:
    """The form's text fields, trimmed. Raises NotDone for a form that is too large."""
    if int(request.headers.get('content-length') or 0) > FORM_BYTES:
        raise NotDone('the form is too large')
    form = await request.form()
    return {key: value.strip() for key, value in form.items() if isinstance(value, str)}


def number(form: dict[str, str], name: str) -> int:
    """Raises NotDone if there is none."""
    text = form.get(name, '')
    if not text.isdecimal():
        raise NotDone(f'{name} is missing')
    return int(text)


def optional_number(form: dict[str, str], name: str) -> int | None:
    text = form.get(name, '')
    return int(text) if text.isdecimal() else None
