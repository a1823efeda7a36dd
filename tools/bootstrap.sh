#!/bin/sh
# Makes the environment of this clone: `tools/bootstrap.sh core` (to run), `observe` (to run, with traces and error reports) or `dev` (to work and test).
# Assumes a Python >= 3.11 and a package registry, nothing else. Everything installed is locked, hashed and compiled: a command that
# compiled what it imports would take three times as long. Says what it does.
set -eu
cd "$(dirname "$0")/.."
wanted=${1:-dev}
# What is there already stays: the larger environments hold the smaller ones.
if [ "$wanted" = core ] && [ -e .venv/.observe ]; then wanted=observe; fi
if [ -e .venv/.dev ]; then wanted=dev; fi

say() { echo "hermes: $*" >&2; }
fail() { say "$*"; exit 1; }

find_python() {
    for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 python; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    fail 'needs Python 3.11 or newer, and found none; PYTHON=/path/to/python says which to use.'
}

fingerprint() { cat "requirements/$1.lock" requirements/build.lock pyproject.toml | cksum; }

if [ -x .venv/bin/python ] && [ "$(cat ".venv/.$wanted" 2>/dev/null)" = "$(fingerprint "$wanted")" ]; then exit 0; fi

python=$(find_python)
uv=$(command -v uv || true)
if [ -z "$uv" ]; then
    uv=.tools/uv/bin/uv
    if [ ! -x "$uv" ]; then
        say 'installing uv into .tools/uv'
        "$python" -m venv .tools/uv || fail "$python cannot make virtual environments: install its venv package (Debian: python3-venv)."
        .tools/uv/bin/python -m pip install --quiet --disable-pip-version-check uv || fail 'no package registry answered: uv could not be installed.'
    fi
fi

# pip may have been told which registry this machine uses; uv reads its own variables only.
if [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ]; then
    registry=${PIP_INDEX_URL:-$("$python" -m pip config get global.index-url 2>/dev/null || true)}
    if [ -n "$registry" ]; then export UV_DEFAULT_INDEX="$registry"; fi
fi
export UV_LINK_MODE="${UV_LINK_MODE:-copy}" UV_NO_PROGRESS=1

if [ ! -x .venv/bin/python ]; then
    say "making .venv with $("$python" --version)"
    "$uv" venv --quiet --python "$python" .venv
fi
say "installing and compiling the locked packages (requirements/$wanted.lock) into .venv"
rm -f .venv/.core .venv/.observe .venv/.dev
"$uv" pip sync --quiet --compile-bytecode --require-hashes --python .venv/bin/python "requirements/$wanted.lock"
"$uv" pip install --quiet --no-deps --build-constraints requirements/build.lock --python .venv/bin/python --editable .
.venv/bin/python -m compileall -q hermes
fingerprint core >.venv/.core
if [ "$wanted" != core ]; then fingerprint "$wanted" >".venv/.$wanted"; fi
say 'the environment is ready'
