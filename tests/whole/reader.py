"""Who follows a page to the letter: reads it block by block, types its commands into a terminal, presses its buttons.

A page marks each paragraph with what tries it, in a comment that its readers do not see: `<!-- tried: NAME, NAME -->`.
"""

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode, urljoin
from urllib.request import Request, urlopen

from hermes.kit.processes import dying_with_parent
from tests.waiting import PATIENCE_S

TRIED = re.compile(r'<!-- tried: ([\w, ]+) -->')
Filled = str | Callable[[str], str]
SET_UP = (
    'DATABASE_URL',
    'TC2_',
    'PD_',
    'G_',
    'HERMES_',
    'SMTP_',
    'DATA_DIR',
    'PORT',
    'SANDBOX_',
    'VIRTUAL_ENV',
    'PYTHON',
)
OVER = 'the-command-is-over'


@dataclass(frozen=True, slots=True)
class Block:
    """A block of commands, or a paragraph with the names of what tries it."""

    text: str
    commands: bool = False

    @property
    def tried(self) -> list[str]:
        return [name.strip() for names in TRIED.findall(self.text) for name in names.split(',')]


def blocks(page: str) -> Iterator[Block]:
    """The blocks of a page, without its headings."""
    for number, part in enumerate(re.split(r'^```\w*\n', page, flags=re.MULTILINE)):
        if number % 2:
            yield Block(part, commands=True)
        else:
            told = (each.strip() for each in part.split('\n\n'))
            yield from (Block(each) for each in told if each and not each.startswith('#'))


@dataclass
class Terminal:
    """A shell in which one command follows the other."""

    folder: Path
    environment: Mapping[str, str]
    said: str = ''
    shell: subprocess.Popen[str] = field(init=False)

    def __post_init__(self) -> None:
        self.shell = subprocess.Popen(
            ['bash', '--noprofile', '--norc'], cwd=self.folder, env=dict(self.environment), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            preexec_fn=dying_with_parent(signal.SIGTERM),
        )  # fmt: skip

    def type(self, commands: str) -> str:
        """What the commands print; each of them has to end well."""
        assert self.shell.stdin
        assert self.shell.stdout
        self.shell.stdin.write(f'{commands}\nprintf "\\n%s %s\\n" {OVER} $?\n')
        self.shell.stdin.flush()
        lines: list[str] = []
        for line in self.shell.stdout:
            if line.startswith(OVER):
                self.said = ''.join(lines).strip()
                assert line.split()[1] == '0', f'{commands}\n{self.said}'
                return self.said
            lines.append(line)
        raise AssertionError(f'the shell ended: {"".join(lines)}')

    def close(self) -> None:
        for pipe in (self.shell.stdin, self.shell.stdout):
            assert pipe
            pipe.close()
        self.shell.wait(PATIENCE_S)


class Forms(HTMLParser):
    """The forms of a page: what is filled in already, and which buttons they have, by what stands on them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str], dict[str, tuple[str, str]]]] = []
        self.button: tuple[str, str] | None = None
        self.select = ''
        self.inside = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or '' for name, value in attrs}
        if tag == 'form':
            self.forms.append((told.get('action', ''), {}, {}))
            self.inside = True
        if not self.inside:
            return
        _, fields, _ = self.forms[-1]
        if tag == 'input' and told.get('name') and told.get('type') not in ('checkbox', 'radio'):
            fields[told['name']] = told.get('value', '')
        elif tag == 'select':
            self.select = told.get('name', '')
        elif tag == 'option' and self.select and ('selected' in told or self.select not in fields):
            fields[self.select] = told.get('value', '')
        elif tag == 'button' and 'disabled' not in told:
            self.button = (told.get('name', ''), told.get('value', ''))

    def handle_data(self, data: str) -> None:
        if self.button and self.inside and data.strip():
            self.forms[-1][2][data.strip()] = self.button

    def handle_endtag(self, tag: str) -> None:
        if tag == 'form':
            self.inside = False
        elif tag == 'button':
            self.button = None
        elif tag == 'select':
            self.select = ''


class Links(HTMLParser):
    """The links of a page: where they lead, and what stands on them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[tuple[str, str]] = []
        self.inside = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == 'a':
            self.links.append((dict(attrs).get('href') or '', ''))
            self.inside = True

    def handle_data(self, data: str) -> None:
        if self.inside:
            href, text = self.links[-1]
            self.links[-1] = href, text + data

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag != 'a'


def look(address: str) -> str:
    """A page."""
    with urlopen(address, timeout=PATIENCE_S) as answer:
        return str(answer.read().decode())


def follow(address: str, label: str) -> str:
    """The address to which the first link leads that begins with this label."""
    found = next(href for href, text in Links(look(address)).links if text.strip().startswith(label))
    return urljoin(address, found)


def press(address: str, label: str, where: Mapping[str, str] | None = None, **filled: Filled) -> str:
    """Press the first button of this label in a form that holds `where`, with `filled` typed in, or what it makes of
    what stands there. Returns the address to which that leads.
    """
    forms = Forms(look(address)).forms
    for action, fields, buttons in forms:
        if label in buttons and (where or {}).items() <= fields.items():
            name, value = buttons[label]
            target = f'{address[: address.index("/", 8)]}{action}' if action else address
            typed = {key: told if isinstance(told, str) else told(fields[key]) for key, told in filled.items()}
            body = urlencode(fields | typed | {name: value}).encode()
            with urlopen(Request(target, data=body), timeout=PATIENCE_S) as answer:
                assert answer.status == 200
                return str(answer.url)
    raise AssertionError(f'{address} has no button "{label}" with {where}')


def environment(home: Path) -> dict[str, str]:
    """A terminal of somebody who has nothing set up; how to reach a package index is the machine's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(SET_UP)}
    return {**kept, 'HOME': str(home)}
