#!/usr/bin/env bash
# `make run` as a newcomer has it: a fresh clone, an empty HOME, stopped with Ctrl-C, and no process left behind.
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/home"
git clone --quiet . "$scratch/hermes"
cd "$scratch/hermes"
read -r web sandbox < <(python3 -c 'import socket
a, b = socket.socket(), socket.socket()
a.bind(("127.0.0.1", 0)); b.bind(("127.0.0.1", 0))
print(a.getsockname()[1], b.getsockname()[1])')
setsid env -u DATABASE_URL HOME="$scratch/home" make run ARGS="--port $web --sandbox-port $sandbox" &
make_pid=$!
for _ in $(seq 300); do
    if python3 -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:$web/ready', timeout=2)" 2>/dev/null; then break; fi
    kill -0 "$make_pid" 2>/dev/null || { echo 'make run ended by itself' >&2; exit 1; }
    sleep 1
done
python3 -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:$web/ready', timeout=2)"
kill -INT -- "-$make_pid"
wait "$make_pid" || true
sleep 2
if left=$(pgrep -af "$scratch"); then
    echo "left behind: $left" >&2
    exit 1
fi
echo 'fresh clone: ready, stopped, nothing left'
