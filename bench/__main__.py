"""`python -m bench [NAME ...] [--seconds 10]`: runs every module of this package that measures, or those named."""

import argparse
import importlib
import pkgutil

import bench
from bench.table import Row, show

SUPPORT = ('__main__', 'table', 'load', 'ingest_app', 'world')
"""Modules that are parts of a measurement and none themselves."""


def main() -> None:
    """Measure and print."""
    known = [module.name for module in pkgutil.iter_modules(bench.__path__) if module.name not in SUPPORT]
    parser = argparse.ArgumentParser(prog='python -m bench')
    parser.add_argument('names', nargs='*', metavar='NAME', help=', '.join(known))
    parser.add_argument('--seconds', type=float, default=10.0, help='length of each measurement')
    given = parser.parse_args()
    rows: list[Row] = []
    for name in given.names or known:
        rows += importlib.import_module(f'bench.{name}').run(duration_s=given.seconds)
    show(rows)


if __name__ == '__main__':
    main()
