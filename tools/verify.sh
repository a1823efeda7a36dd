#!/usr/bin/env bash
# `make verify`: everything that is too long for every change. Each part prints its time, and says so if it cannot run.
# PARTS='tests seeds' runs some of them; DEATHS=all lets a booking die everywhere; WORLD=whole fills three large worlds before Hermes comes; THOROUGH=all tries every case of what `make test` tries a spread of; SEEDS, TEAM_ACTIONS and SIM_PROCESSES make the simulator smaller or larger, EXAMPLES and FLOOD what strangers try.
cd "$(dirname "$0")/.." || exit 1
python=.venv/bin/python
parts=${PARTS:-tests seeds team mutants chaos hostile flood referees browser behaviours clone tutorial}
export DEATHS=${DEATHS:-all} WORLD=${WORLD:-whole} THOROUGH=${THOROUGH:-all}
status=0
began=$SECONDS

part() {
    local name=$1 said=$2 started=$SECONDS
    shift 2
    case " $parts " in *" $name "*) ;; *) return ;; esac
    echo "== $said"
    if "$@"; then echo "== $name: $((SECONDS - started)) s"; else
        status=1
        echo "FAILED  $name after $((SECONDS - started)) s" >&2
    fi
}

seeds() { $python -m tests.sim --seeds "${SEEDS:-2000}" --processes "${SIM_PROCESSES:-2}"; }

team() {
    local first second failed=0
    $python -m tests.sim --team 1 --actions "${TEAM_ACTIONS:-2000}" & first=$!
    $python -m tests.sim --team 2 --actions "${TEAM_ACTIONS:-2000}" & second=$!
    wait "$first" || failed=1
    wait "$second" || failed=1
    return "$failed"
}

chaos() { $python -m tests.chaos --sign-ups "${SIGN_UPS:-100}" --kills "${KILLS:-15}" --seconds "${CHAOS_SECONDS:-40}"; }

hostile() {
    HOSTILE=all EXAMPLES="${EXAMPLES:-400}" $python -m pytest -n "${WORKERS:-2}" -q tests/web/test_hostile.py tests/web/test_schemathesis.py
}

referees() {
    if [ -z "${HERMES_REFEREE_DIR:-}" ]; then
        echo 'referee: not run, no documents'
        return
    fi
    $python -m pytest -n "${WORKERS:-2}" --dist worksteal -q tests/referee tests/flows
}

behaviours() { $python -m tools.behaviours && $python -m tools.trials --look; }

browser() {
    if [ -z "$(find tests/browser -name 'test_*.py' 2>/dev/null | head -1)" ]; then
        echo 'browser: there are no browser tests yet'
    elif ! $python -m tools.chromium; then
        echo 'browser: not run, no Chromium'
    else
        BROWSER_MATRIX=full $python -m pytest -n "${WORKERS:-2}" -q tests/browser
    fi
}

part tests 'make test' tools/test.sh
part seeds "simulator, ${SEEDS:-2000} seeds" seeds
part team "simulator, a sales team at work, ${TEAM_ACTIONS:-2000} acts, two seeds" team
part mutants 'wrong designs, each of which must be caught' $python -m tests.sim.mutants
part chaos 'chaos, short' chaos
part hostile 'hostile input in every place of every request' hostile
part flood 'a flood of strangers, with its counts' $python -m tests.chaos.flood --size "${FLOOD:-640}"
part referees "the vendors' documents as referees" referees
part browser 'browser, the full matrix' browser
part behaviours 'every promise and its tests' behaviours
part clone 'make run in a fresh clone' tools/fresh-clone.sh
part tutorial 'the tutorial, with an environment of its own' env TUTORIAL=whole $python -m pytest -q tests/whole/test_tutorial.py
if [ "$status" = 0 ]; then word='passed'; else word='FAILED (see above)'; fi
echo "make verify: $word, $(((SECONDS - began) / 60)) min $(((SECONDS - began) % 60)) s"
exit "$status"
