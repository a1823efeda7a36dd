"""The catalogue of sentences: what visitors are told, gathered from pages and letters, and what it is in each language.

Without arguments: writes `hermes.pot` anew and brings every `.po` file up to it; a sentence that is new there waits for
its translation, one that is gone goes. `--check` says what is missing. The same sources give the same bytes: no dates,
no line numbers.
"""

import re
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from babel.messages import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po, write_po

import hermes
from hermes.kit import languages

ROOT: Final = Path(hermes.__file__).parent
FOLDER: Final = Path(languages.__file__).parent
SOURCES: Final = ('booking', 'systems/google_calendar', 'web/booker')
METHODS: Final = [('**.py', 'python'), ('**.html', 'jinja2'), ('**.txt', 'jinja2')]
OPTIONS: Final = {
    method: {'newstyle_gettext': 'true', 'trim_blocks': 'true', 'lstrip_blocks': 'true', 'silent': 'false'}
    for method in ('**.html', '**.txt')
}
KEYWORDS: Final = {**DEFAULT_KEYWORDS, 'N_': None}
SHIPPED: Final = tuple(code for code in languages.LOCALES if code != languages.ENGLISH)
DATED: Final = re.compile(
    rb'^"(?:POT-Creation-Date|PO-Revision-Date|Last-Translator|Language-Team|Report-Msgid|Generated)'
)
PLACES: Final = re.compile(r'%\(\w+\)[sd]|<[^>]*>|%%')
UNREVIEWED: Final = 'Unreviewed: nobody who grew up with the language has read it yet.'
COMMAND: Final = 'run: make words'
SHOWN: Final = 20


def gather() -> Catalog:
    """Every sentence in the code and the templates."""
    catalog = Catalog(project='Hermes', header_comment='# What visitors are told. Written by: make words', fuzzy=False)
    for source in SOURCES:
        found = extract_from_dir(ROOT / source, METHODS, OPTIONS, KEYWORDS)
        for name, line, told, comments, context in sorted(found, key=lambda each: each[:2]):
            catalog.add(told, None, [(f'{source}/{name}', line)], auto_comments=comments, context=context)
    return catalog


def read(code: str) -> Catalog:
    """A language's file as it is; empty where it has none."""
    path = FOLDER / f'{code}.po'
    if not path.exists():
        name = languages.language(languages.ENGLISH).locale.languages[code]
        return Catalog(languages.LOCALES[code], header_comment=f'# {name}. {UNREVIEWED}', fuzzy=False)
    with path.open('rb') as source:
        return read_po(source, locale=languages.LOCALES[code])


def written() -> dict[str, bytes]:
    """File name -> what it should hold."""
    template = gather()
    told = {'hermes.pot': template}
    for code in SHIPPED:
        catalog = read(code)
        catalog.update(template, no_fuzzy_matching=True)
        catalog.project, catalog.version, catalog.fuzzy = 'Hermes', 'VERSION', False
        told[f'{code}.po'] = catalog
    return {name: _bytes(catalog) for name, catalog in told.items()}


def _bytes(catalog: Catalog) -> bytes:
    whole = BytesIO()
    write_po(whole, catalog, width=120, sort_output=True, include_lineno=False, ignore_obsolete=True)
    return b''.join(line for line in whole.getvalue().splitlines(keepends=True) if not DATED.match(line))


def problems() -> Iterator[str]:
    """What is wrong with the catalogue, a sentence each."""
    for name, content in written().items():
        path = FOLDER / name
        if not path.exists() or path.read_bytes() != content:
            yield f'{name} is not up to date ({COMMAND})'
    for code in SHIPPED:
        catalog = read(code)
        if (UNREVIEWED in catalog.header_comment) != (code in languages.UNREVIEWED):
            yield f'{code}.po and UNREVIEWED in hermes/kit/languages say different things about who has read it'
        for message in catalog:
            if message.id:
                yield from (f'{code}.po: "{_first(message.id)}" {what}' for what in wrong(message))


def wrong(message: Message) -> Iterator[str]:
    """What is wrong with the translation of a sentence."""
    originals, told = forms(message.id), forms(message.string)
    if message.fuzzy:
        yield 'is marked fuzzy: check it and take the mark away'
    if not all(told):
        yield 'is not translated'
        return
    for at, form in enumerate(told):
        allowed = [sorted(PLACES.findall(original)) for original in (originals if at == 0 else originals[-1:])]
        if sorted(PLACES.findall(form)) not in allowed:
            yield f'has other placeholders in the translation: "{form}"'


def forms(told: Any) -> tuple[str, ...]:
    return tuple(told) if isinstance(told, tuple | list) else (told,)


def _first(told: Any) -> str:
    return forms(told)[0]


def main(arguments: list[str]) -> str | None:
    """Write, or check; what is to be said at the end."""
    if arguments != ['--check']:
        for name, content in written().items():
            (FOLDER / name).write_bytes(content)
    told = list(problems())
    more = [f'and {len(told) - SHOWN} more'] if len(told) > SHOWN else []
    return '\n'.join([*told[:SHOWN], *more]) or None


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
