"""`python -m tests.chaos`: longer than what `make test` has time for."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests import postgres
from tests.chaos.kill9 import run
from tests.chaos.testbed import open_testbed


def main() -> None:
    parser = argparse.ArgumentParser(prog='python -m tests.chaos', description=__doc__)
    parser.add_argument('--sign-ups', type=int, default=200)
    parser.add_argument('--kills', type=int, default=30)
    parser.add_argument('--seconds', type=float, default=60.0)
    parser.add_argument('--seed', type=int, default=1)
    options = parser.parse_args()
    with postgres.start_server() as server, tempfile.TemporaryDirectory() as folder:
        postgres.make_template(server)
        with postgres.fresh_database(server) as url, open_testbed(url, Path(folder)) as testbed:
            outcome = run(testbed, options.seed, options.sign_ups, options.kills, options.seconds)
    print(
        f'{outcome.acked} sign-ups acknowledged, {outcome.rows} rows, {outcome.applied} applied, killed {outcome.kills}'
    )
    print(f'{len(outcome.organizations)} organisations, {len(outcome.persons)} persons, {len(outcome.deals)} deals')
    for line in outcome.wrong():
        print(f'   {line}')
    sys.exit(1 if outcome.wrong() else 0)


if __name__ == '__main__':
    main()
