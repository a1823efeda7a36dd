#!/bin/sh
# `make test`: lint, then the simulator, then pytest, whose own summary comes last. Any failure fails the whole.
cd "$(dirname "$0")/.."
status=0
started=$(date +%s)
tools/lint.sh || status=1
if [ -e tests/sim/__main__.py ]; then
    .venv/bin/python -m tests.sim --seeds "${SIM_SEEDS:-100}" --processes 2 || { status=1; echo 'FAILED  simulator' >&2; }
fi
if ! .venv/bin/python -m tools.chromium; then echo 'browser: not run, no Chromium'; fi
folders=''
referee=''
if [ -n "${HERMES_REFEREE_DIR:-}" ]; then referee=referee; else echo 'referee: not run, no documents'; fi
for folder in unit systems sandbox web cli flows legacy security whole sim chaos $referee browser; do
    [ -n "$(find "tests/$folder" -name 'test_*.py' 2>/dev/null | head -1)" ] && folders="$folders tests/$folder"
done
[ -n "$referee" ] || folders="$folders tests/referee/test_google.py"
echo "lint and simulator took $(($(date +%s) - started)) s; now:$folders"
# shellcheck disable=SC2086
.venv/bin/python -m pytest -n "${WORKERS:-4}" --dist worksteal -q $folders || status=1
[ "$status" = 0 ] || echo 'make test: FAILED (see above)' >&2
exit "$status"
