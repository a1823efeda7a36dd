#!/bin/sh
# `make verify`: everything that is too long for every change. Each part says so if it cannot run.
cd "$(dirname "$0")/.."
status=0
part() {
    name=$1
    shift
    echo "== $name"
    "$@" || { status=1; echo "FAILED  $name" >&2; }
}
part 'tests' tools/test.sh
part 'simulator, 2000 seeds' .venv/bin/python -m tests.sim --seeds 2000
part 'chaos, short' .venv/bin/python -m tests.chaos --short
part 'behaviours' .venv/bin/python -m tools.behaviours
part 'a fresh clone' tools/fresh-clone.sh
exit "$status"
