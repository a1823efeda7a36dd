"""Worlds to begin with: `demo` (a small sales office), `empty` (users and pipelines only), `big` (many companies)."""

from collections.abc import Callable

from hermes.sandbox.scenarios import demo
from hermes.sandbox.world import World

SCENARIOS: dict[str, Callable[[World], None]] = {'demo': demo.build, 'empty': demo.empty, 'big': demo.big}
