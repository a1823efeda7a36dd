"""`make demo-big`: a database of 100 000 companies and 1 000 000 events, in which every page and command can be tried.

make demo-big                                   an embedded one in data/demo-big; DATA_DIR=data/demo-big make run
make demo-big DATABASE=postgresql://...         another one, which is emptied first
make demo-big COMPANIES=500 EVENTS=6000         a small one, in seconds
"""

import argparse
import os
import random
import sys
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from hermes.cli.world import database_folder
from hermes.db import schema
from hermes.db.server import embedded, wiping
from hermes.settings import load
from tools.demo_big import filling, playing
from tools.demo_big.filling import DAYS, Filler, Spool, Telling
from tools.demo_big.templates import Numbers, make

ROOT = Path(__file__).parents[2]


def build(
    url: str,
    companies: int,
    events: int,
    seed: int = 1,
    until: datetime | None = None,
    say: Callable[[str], None] = print,
) -> None:
    """Empty the database at `url` and fill it."""
    until = until or filling.now()
    wiping.wipe(url)
    schema.upgrade(url)
    played = playing.play(say)
    with filling.spooled() as folder:
        spool, numbers = Spool(Path(folder)), Numbers()
        first = make(played.tables, played.set_up, {})
        told = Telling(0, int(until.timestamp()) - (DAYS + 1) * 86_400)
        ids = [place + 1 for place in range(len(first.events))]
        values = Filler(spool, numbers, seed).tell(first, 0, told, ids)
        shared = {
            token: value
            for token, value, rule in zip(first.tokens, values, first.rules, strict=True)
            if rule[0] == 'id'
        }
        templates = playing.templates_of(played, shared)
        plan = filling.draw_plan(random.Random(seed), templates, companies, events, until)
        filling.fill(url, played.tables, first, templates, plan, until, seed, numbers, spool, say)


def main() -> int:
    parser = argparse.ArgumentParser(prog='make demo-big', description=__doc__, add_help=True)
    parser.add_argument('--companies', type=int, default=int(os.environ.get('COMPANIES') or 100_000))
    parser.add_argument('--events', type=int, default=int(os.environ.get('EVENTS') or 0))
    parser.add_argument('--seed', type=int, default=int(os.environ.get('SEED') or 1))
    parser.add_argument('--until', type=datetime.fromisoformat, help='the last moment, with its zone; now if unsaid')
    parser.add_argument('--database', default=os.environ.get('DATABASE', ''), help='its address; emptied first')
    told = parser.parse_args()
    with ExitStack() as stack:
        url = told.database
        if not url:
            folder = ROOT / 'data' / 'demo-big'
            settings = load({'_env_file': None, 'data_dir': folder, 'database_url': ''})
            url = stack.enter_context(embedded.start(database_folder(settings))).url
        build(url, told.companies, told.events or 10 * told.companies, told.seed, told.until)
        if not told.database:
            print('Look at it: DATA_DIR=data/demo-big make run')
    return 0


if __name__ == '__main__':
    sys.exit(main())
