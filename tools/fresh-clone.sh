#!/usr/bin/env bash
# `make run` as a newcomer has it: a fresh clone of what is committed, an empty HOME, stopped with Ctrl-C, and no process
# left behind. What is not committed yet is not in it.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$PWD/.venv/bin/python
[ -x "$python" ] || python=python3
scratch=$(mktemp -d)
started=$SECONDS
make_pid=''

ours() { pgrep -f "$scratch" || true; }

clean_up() {
    # Only what runs from the scratch folder, each by its own id.
    for pid in $(ours); do kill -KILL "$pid" 2>/dev/null || true; done
    rm -rf "$scratch"
}
trap clean_up EXIT

is_ready() { "$python" -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:$web/ready', timeout=2)" 2>/dev/null; }

if [ -n "$(git status --porcelain)" ]; then echo 'fresh clone: what is not committed is not tried'; fi
mkdir "$scratch/home"
git clone --quiet . "$scratch/hermes"
cd "$scratch/hermes"
read -r web sandbox < <("$python" -c 'import socket
a, b = socket.socket(), socket.socket()
a.bind(("127.0.0.1", 0)); b.bind(("127.0.0.1", 0))
print(a.getsockname()[1], b.getsockname()[1])')
# A shell without job control lets its background children ignore Ctrl-C; a child of Python does not.
"$python" - "$scratch/home" "$web" "$sandbox" >"$scratch/log" 2>&1 <<'PY' &
import os, signal, sys

home, web, sandbox = sys.argv[1:]
ours = ('DATABASE_URL', 'TC2_', 'PD_', 'HERMES_', 'DATA_DIR', 'VIRTUAL_ENV', 'PYTHONPATH')
kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.setsid()
os.execvpe('make', ['make', 'run', f'PORT={web}', f'SANDBOX_PORT={sandbox}'], kept | {'HOME': home})
PY
make_pid=$!
for _ in $(seq "${PATIENCE_S:-600}"); do
    if is_ready; then break; fi
    kill -0 "$make_pid" 2>/dev/null || { echo 'fresh clone: make run ended by itself' >&2; tail -20 "$scratch/log" >&2; exit 1; }
    sleep 1
done
is_ready || { echo 'fresh clone: not ready in time' >&2; tail -20 "$scratch/log" >&2; exit 1; }
echo "fresh clone: ready after $((SECONDS - started)) s"
kill -INT -- "-$make_pid"
for _ in $(seq 20); do
    if [ -z "$(ours)" ]; then break; fi
    sleep 1
done
left=$(for pid in $(ours); do ps -o pid=,args= -p "$pid"; done)
if [ -n "$left" ]; then
    echo "fresh clone: left behind: $left" >&2
    exit 1
fi
echo 'fresh clone: stopped with Ctrl-C, nothing left'
