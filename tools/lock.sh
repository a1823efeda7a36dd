#!/bin/sh
# Writes requirements/*.lock anew from pyproject.toml. The files name versions and hashes, and no registry.
set -eu
cd "$(dirname "$0")/.."
uv=$(command -v uv || echo .tools/uv/bin/uv)
compile() {
    "$uv" pip compile --quiet --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --universal --python-version 3.11 "$@"
}
compile pyproject.toml --output-file requirements/core.lock
compile pyproject.toml --extra observe --output-file requirements/observe.lock
compile pyproject.toml --group dev --extra observe --output-file requirements/dev.lock
echo hatchling | compile - --output-file requirements/build.lock
if grep -nE '://' requirements/*.lock; then
    echo 'hermes: a lock names an address' >&2
    exit 1
fi
