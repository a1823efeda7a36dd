# Two commands on a fresh machine: `make run` and `make test`. They need Python 3.11 or newer, make and a package registry.
# `make help` lists the rest. Everything happens in this folder: .tools/, .venv/ and data/.

SHELL := /bin/sh
.DEFAULT_GOAL := help
PY := .venv/bin/python
HERMES := .venv/bin/hermes
SEEDS ?= 10000
WORKERS ?= 4

.PHONY: help core install install-observe install-dev run test verify test-cov lint format types sim chaos bench docs words migrate migrate-create \
	reset-db setup setup-fields setup-admins restore-from-live behaviours demo-big lock clean

help: ## list what make can do
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | awk -F '\t' '{printf "  %-18s %s\n", $$1, $$2}'

core:
	@tools/bootstrap.sh core

install: core ## make the environment for running, from the lock

install-observe: ## the same, with traces to Logfire or a collector and errors to Sentry
	@tools/bootstrap.sh observe

install-dev: ## make the environment for working and testing, from the lock
	@tools/bootstrap.sh dev

# PORT and SANDBOX_PORT, said to make or in the environment, reach the command through its environment.
run: core ## run everything: make run PORT=8000 SANDBOX_PORT=8100; the sandbox when no system is configured
	@$(HERMES) run --reload $(ARGS)

test: install-dev ## lint, types, contracts and all tests that fit in ten minutes
	@tools/test.sh

verify: install-dev ## the long check, by hand, before a piece of work is called done
	@tools/verify.sh

test-cov: install-dev ## the tests with branch coverage; fails under the floor
	@$(PY) -m pytest -n $(WORKERS) --cov=hermes --cov-branch --cov-report=term-missing:skip-covered $(ARGS)

lint: install-dev ## format check, lint, types, import contracts, unused dependencies
	@tools/lint.sh

format: install-dev ## write the code in its one form
	@$(PY) -m ruff format . && $(PY) -m ruff check --fix .

types: install-dev ## the strict type check alone
	@$(PY) -m mypy

sim: install-dev ## the simulator: make sim SEEDS=10000
	@$(PY) -m tests.sim --seeds $(SEEDS) $(ARGS)

chaos: install-dev ## kill -9, database restarts and broken sockets under load
	@$(PY) -m tests.chaos $(ARGS)

bench: install-dev ## what it costs, side by side with its limits
	@$(PY) -m bench $(ARGS)

# COMPANIES, EVENTS, SEED and DATABASE, said to make, reach the command through its environment.
demo-big: install-dev ## fill a database of its own: make demo-big COMPANIES=100000 EVENTS=1000000 DATABASE=...
	@$(PY) -m tools.demo_big $(ARGS)

words: install-dev ## gather the sentences that visitors are told, and bring every language up to them
	@$(PY) -m tools.words $(ARGS)

docs: install-dev ## write the generated reference pages anew
	@$(PY) -m tools.reference

screenshots: install-dev ## take the docs' pictures of the booking pages and the desk anew
	@$(PY) -m tests.browser.pictures

migrate: core ## bring the database's schema up
	@$(HERMES) db upgrade

migrate-create: install-dev ## write an empty migration: make migrate-create msg='add a column'
	@test -n "$(msg)" || { echo "say what it does: make migrate-create msg='add a column'" >&2; exit 1; }
	@$(PY) -m tools.migration "$(msg)"

reset-db: core ## empty the database, after asking for its name
	@$(HERMES) db reset $(ARGS)

setup: core ## fetch pipelines and stages, choose, store the Config
	@$(HERMES) setup pipelines $(ARGS)

setup-fields: core ## compare the field catalogue with the CRM, create what is missing
	@$(HERMES) setup fields $(ARGS)

setup-admins: core ## match administrators with the CRM's users
	@$(HERMES) setup admins $(ARGS)

restore-from-live: core ## copy LIVE_DATABASE_URL into the local database, every system paused
	@$(HERMES) db restore-from-live $(ARGS)

behaviours: install-dev ## every promise with the tests that prove it
	@$(PY) -m tools.behaviours $(ARGS)

lock: install-dev ## resolve the dependencies anew and write requirements/*.lock
	@tools/lock.sh

clean: ## remove the environment and every cache; data/ stays
	@rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
