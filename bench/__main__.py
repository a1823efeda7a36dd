"""`python -m bench [NAME ...] [--seconds 5]`: runs every module of this package that measures, or those named."""

import argparse
import importlib
import os
import pkgutil
import sys
import time

import bench
from bench.table import Row, show

SUPPORT = ('__main__', 'table', 'load', 'ingest_app', 'place', 'world', 'crowd', 'meter')
"""Modules that are parts of a measurement and none themselves."""


def main() -> None:
    """Measure and print."""
    known = [module.name for module in pkgutil.iter_modules(bench.__path__) if module.name not in SUPPORT]
    parser = argparse.ArgumentParser(prog='python -m bench')
    parser.add_argument('names', nargs='*', metavar='NAME', help=', '.join(known))
    parser.add_argument('--seconds', type=float, default=5.0, help='length of each measurement')
    given = parser.parse_args()
    rows: list[Row] = []
    started, load = time.monotonic(), os.getloadavg()[0]
    for name in given.names or known:
        print(f'measuring: {name}', file=sys.stderr)
        try:
            rows += importlib.import_module(f'bench.{name}').run(duration_s=given.seconds)
        except (TimeoutError, RuntimeError, ZeroDivisionError) as error:
            rows.append(Row('?', f'bench/{name}.py', f'could not be measured: {type(error).__name__}'))
    show(sorted(rows, key=lambda row: (row.id[0] != 'P', row.id)), time.monotonic() - started, load)


if __name__ == '__main__':
    main()
