"""P12 and ADM-10: every page of the desk as a browser gets it out of the web's own process, in a big office; what that
process holds; and what somebody who clicks through the desk costs webhooks.

`DATABASE` names a database that `make demo-big` filled; without it one is filled first, which takes minutes. A user is
added for the time, and what webhooks left is removed again.
"""

import re
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any, Final

import httpx2
import psycopg

from bench.booking import told
from bench.ingest import load
from bench.load import SECRET
from bench.place import filled
from bench.table import Row
from bench.world import Stage, await_port, free_port
from hermes.cli.world import sandbox_environment, write_private
from hermes.db.reads.lists import LISTINGS
from hermes.kit.passwords import hash_password
from hermes.settings import Settings
from hermes.web.desk.resources import RESOURCES
from hermes.web.desk.routes import ROUTES

TIMES: Final = 10
PAGE_MS, LIST_MS, HELD_MB = 300, 200, 200
ROUNDS: Final = 4
CLICK_S: Final = 0.5
"""Somebody who clicks quickly: the next page half a second after the last was there."""
EMAIL, PASSWORD = 'bench@desk.example', 'a password of four words'
HIDDEN: Final = re.compile(r'name="(csrf|key)" value="([^"]*)"')
NEXT: Final = re.compile(r'rel="next" href="([^"]*)"')
BEFORE: Final = ('/init', '/login', '/login/code', '/welcome/{token}')
"""Pages that nobody sees who is logged in."""
SEARCHES: Final = {
    'a name': 'north', 'two words': 'chess tut', 'a person': 'sato', 'an address': 'ruth.sato@', 'a domain':
    'harbour.example', 'a phone number': '7700 900', 'an id': '20412', 'nothing there is': 'zzyzx-9',
}  # fmt: skip
SAMPLES: Final = {
    'decision': "select id from decision where state = 'open' order by id limit 1",
    'booking': 'select id from meeting order by id desc limit 1',
    'turn': 'select id from turn order by id desc limit 1',
    'admin': 'select id from admin order by id limit 1',
    'company': 'select owner from (select record_id as owner, count(*) from (select record_id from change where '
    "record_type = 'company' order by id desc limit 200000) c group by 1 order by 2 desc limit 1) b",
    'contact': "select record_id from change where record_type = 'contact' order by id desc limit 1",
    'deal': "select record_id from change where record_type = 'deal' order by id desc limit 1",
    'event': "select id from event where kind = 'webhook' and state = 'done' order by id desc limit 1",
}


def run(duration_s: float = 5.0) -> list[Row]:
    """Each page over and over, then webhooks alone and beside somebody who clicks, in turn."""
    with filled() as url, _web(url) as stage, _logged_in(stage) as client:
        pages = {name: _deeper(client, address) for name, address in addresses(stage.url).items()}
        rows, seen = [], dict[str, str]()
        for name, address in pages.items():
            row, works = _measure(client, name, address)
            rows.append(row)
            seen |= {name: address} if works else {}
        rows.append(Row('P12', 'peak memory of the web', f'{stage.peak_mb("web"):.0f} MB', f'< {HELD_MB} MB'))
        return [*rows, *_beside(stage, client, list(seen.values()), duration_s)]


@contextmanager
def _web(url: str) -> Iterator[Stage]:
    with tempfile.TemporaryDirectory(prefix='hermes-bench-') as folder:
        ports = free_port(), free_port()
        settings = Settings(_env_file=None, data_dir=Path(folder) / 'data')  # type: ignore[call-arg]
        write_private(settings.world_dir / 'secrets.json', {'TC2_API_KEY': SECRET})
        told = sandbox_environment(settings, *ports) | {'DATABASE_URL': url}
        stage = Stage(url, told | {'LOG_LEVEL': 'ERROR', 'PATH': '/usr/bin:/bin'}, *ports)
        try:
            stage.start('web', '--port', str(stage.web_port))
            await_port(stage.web_port)
            yield stage
        finally:
            for name in list(stage.children):
                stage.stop(name)


@contextmanager
def _logged_in(stage: Stage) -> Iterator[httpx2.Client]:
    """A browser in which an admin of the desk is logged in."""
    with psycopg.connect(stage.url, autocommit=True) as connection:
        connection.execute('delete from desk_user where email = %s', (EMAIL,))
        connection.execute(
            "insert into desk_user (email, name, role, password_hash) values (%s, 'Bench', 'admin', %s)",
            (EMAIL, hash_password(PASSWORD)),
        )
        newest = connection.execute('select max(id) from event').fetchone()
        try:
            with httpx2.Client(
                base_url=f'http://127.0.0.1:{stage.web_port}', trust_env=False, timeout=30,
                headers={'accept': 'text/html'},
            ) as client:  # fmt: skip
                _send(client, '/login', email=EMAIL, password=PASSWORD)
                assert client.get('/').status_code == 200
                yield client
        finally:
            connection.execute('delete from desk_user where email = %s', (EMAIL,))
            # Nothing refers to them, for no worker ran: the journal is not asked about each.
            connection.execute('set session_replication_role = replica')
            connection.execute('delete from event where id > %s', newest)


def _send(client: httpx2.Client, path: str, form_on: str = '', **fields: str) -> httpx2.Response:
    hidden = dict(HIDDEN.findall(client.get(form_on or path).text))
    origin = {'origin': str(client.base_url).rstrip('/')}
    return client.post(path, data={**hidden, **fields}, headers=origin)


def addresses(url: str) -> dict[str, str]:
    """Every page that is got, by the desk's own list of them, and lists in the ways in which they are looked through.
    Searches are forms: their text stands behind `search `.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set timezone = 'UTC'")
        some: dict[str, Any] = {}
        for name, query in SAMPLES.items():
            row = connection.execute(query.encode()).fetchone()
            some[name] = row[0] if row else 1
        until = connection.execute('select max(received_at) from event').fetchone()
    assert until
    day = (until[0] - timedelta(days=9)).strftime('%Y-%m-%dT%H:%M')
    after = (until[0] - timedelta(days=8)).strftime('%Y-%m-%dT%H:%M')
    fixed = {
        'type': 'company', 'record': some['company'], 'field': 'name', 'system': 'pipedrive', 'rule': 'FIELD-2',
        'step': 'fields', 'setting': 'push_spacing_s', 'replay': 1, 'receipt': 1, 'id': some['company'],
        'which': some['company'], **{name: some[name] for name in ('decision', 'company', 'booking', 'turn', 'event')},
    }  # fmt: skip
    found: dict[str, str] = {}
    for route in ROUTES:
        if route.method != 'GET' or route.path in BEFORE:
            continue
        if '{resource}' not in route.path:
            found[route.path] = route.path.format(**fixed)
            continue
        for each in RESOURCES:
            if '{which}' in route.path and each.name not in ('companies', 'contacts', 'deals'):
                continue
            which = some[each.one] if '{which}' in route.path else ''
            path = route.path.replace('{resource}', each.name).replace('{which}', str(which))
            if 'export' in path and each.name != 'pipelines':
                continue
            found[path] = path
    for each in RESOURCES:
        for sort in LISTINGS[each.name].sortable[1:]:
            found |= {f'{each.path}?sort={way}{sort}': f'{each.path}?sort={way}{sort}' for way in ('', '-')}
    for name, path in {
        'companies of a country and plan': 'companies/?country=GB&price_plan=startup', 'companies of one of us':
        f'companies/?sales_person_id={some["admin"]}', 'companies, a part of a name': 'companies/?q=harbour+mus',
        'companies, a common part of a name': 'companies/?q=north', 'companies, two letters': 'companies/?q=no',
        'companies, what nobody is called': 'companies/?q=zzyzx-9', 'contacts, a part of an address':
        'contacts/?q=ruth.sato', 'contacts, a short part': 'contacts/?q=ada.', 'contacts, a phone number':
        'contacts/?q=7700+900', 'deals of a stage, by title': 'deals/?status=open&sort=title', 'deals, a part':
        'deals/?q=north', 'events of a source': 'events/?source=tutorcruncher', 'acts': 'events/?kind=act',
        'parked events': 'events/?state=parked', 'ignored events': 'events/?outcome=ignored', 'webhooks of a day':
        f'events/?kind=webhook&after={day}&before={after}', 'events of a company':
        f'events/?record=company:{some["company"]}', 'events of a contact': f'events/?record=contact:{some["contact"]}',
        'events of an object': 'events/?subject=20412', 'a contact': f'records/contact/{some["contact"]}/', 'a deal':
        f'records/deal/{some["deal"]}/', 'one of us': f'records/admin/{some["admin"]}/', 'a company as it was':
        f'records/company/{some["company"]}/?at={day}', 'health of a day': 'health/?range=day', 'health of a week':
        'health/?range=week', 'health of a day, weeks ago': f'health/?from={day}&to={after}', 'the audit log of logins':
        'audit/?what=user', 'the audit log of a day': f'audit/?from={day}&to={after}',
    }.items():  # fmt: skip
        found[name] = f'/desk/{path}'
    found |= {f'{name}, deep': f'deep {found[name]}' for name in (
        '/desk/companies/', '/desk/companies/?sort=name', '/desk/contacts/?sort=last_name', '/desk/events/',
    )}  # fmt: skip
    return found | {f'a search for {name}': f'search {text}' for name, text in SEARCHES.items()}


def _deeper(client: httpx2.Client, address: str) -> str:
    """The address of a page some pages behind the first."""
    if not address.startswith('deep '):
        return address
    address = address.removeprefix('deep ')
    for _ in range(20):
        behind = NEXT.search(client.get(address).text)
        if not behind:
            break
        address = str(httpx2.URL(address).join(unescape(behind[1])))
    return address


def _measure(client: httpx2.Client, name: str, address: str) -> tuple[Row, bool]:
    """A page's times, and whether it was there."""
    took, status = [], 0
    for each in range(TIMES + 1):
        ask = _asking(client, address)
        began = time.perf_counter()
        status = ask().status_code
        took += [(time.perf_counter() - began) * 1000] if each else []
    took.sort()
    most = LIST_MS if name.removeprefix('/desk/').partition('/')[0] in LISTINGS else PAGE_MS
    figure = f'p50 {took[TIMES // 2]:.0f} ms, p95 {took[-1]:.0f} ms'
    there = status in (200, 303)
    return Row('P12', name, figure if there else f'{figure} (answered {status})', f'p95 < {most} ms'), status == 200


def _asking(client: httpx2.Client, address: str) -> Any:
    """What asks for a page; what a form needs was got before."""
    if not address.startswith('search '):
        return lambda: client.get(address)
    hidden = dict(HIDDEN.findall(client.get('/desk/search/').text))
    data, origin = {**hidden, 'q': address.removeprefix('search ')}, str(client.base_url).rstrip('/')
    return lambda: client.post('/desk/search/', data=data, headers={'origin': origin})


def _beside(stage: Stage, client: httpx2.Client, pages: list[str], duration_s: float) -> list[Row]:
    """Webhooks as P1 sends them over 16 connections: alone, and while somebody clicks."""
    alone, clicked, took = [], [], list[float]()
    load(stage.web_port, 16, 2.0)
    for _ in range(ROUNDS):
        alone.append(load(stage.web_port, 16, duration_s))
        stop = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            clicking = pool.submit(_click, client, pages, stop, took)
            try:
                clicked.append(load(stage.web_port, 16, duration_s))
            finally:
                stop.set()
            clicking.result()
    rows = []
    for what, figures in (('alone', alone), (f'while somebody clicks every {CLICK_S} s', clicked)):
        for share in ('p50_ms', 'p99_ms'):
            told_ms = ', '.join(f'{each[share]:.1f}' for each in figures)
            median = sorted(each[share] for each in figures)[ROUNDS // 2]
            rows.append(Row('P12', f'webhooks {what}: {share[:3]}', f'{told_ms} ms (median {median:.1f})',
                            'within 10 % of alone' if figures is clicked else ''))  # fmt: skip
        rates = ', '.join(f'{each["rate"]:.0f}' for each in figures)
        failed = sum(each['errors'] for each in figures)
        rows.append(Row('P12', f'webhooks {what}: a second', f'{rates}, {failed} errors', '0 errors'))
    rows.append(Row('P12', 'pages beside webhooks at full load', told(took)))
    return rows


def _click(client: httpx2.Client, pages: list[str], stop: threading.Event, took: list[float]) -> None:
    place = len(took)
    while not stop.is_set():
        ask = _asking(client, pages[place * 7 % len(pages)])
        began = time.perf_counter()
        ask()
        took.append((time.perf_counter() - began) * 1000)
        place += 1
        stop.wait(CLICK_S)
