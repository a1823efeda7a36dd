#!/bin/sh
# Form, lint, types, import contracts, dependencies. Runs all of them, then fails if any failed.
cd "$(dirname "$0")/.."
bin=.venv/bin
failed=''
check() {
    name=$1
    shift
    if output=$("$@" 2>&1); then
        echo "ok      $name"
    else
        failed="$failed $name"
        echo "FAILED  $name"
        echo "$output" | tail -60
    fi
}
check 'ruff format' $bin/ruff format --check .
check 'ruff check' $bin/ruff check .
check 'mypy' $bin/mypy
check 'lint-imports' $bin/lint-imports
check 'walls' $bin/python -m tools.walls
check 'circles' $bin/python -m tools.circles
check 'words' $bin/python -m tools.words --check
check 'migrations' $bin/python -m tools.migration --check
check 'deptry' $bin/deptry .
[ -z "$failed" ] || { echo "lint failed:$failed" >&2; exit 1; }
