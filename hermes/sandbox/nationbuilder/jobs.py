"""What a list does later: people are added, removed, tagged or untagged some seconds after the call was taken.

Nothing runs in the background: what is due is carried out before the next call is answered. A job's token is answered
for a day.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hermes.sandbox.nationbuilder.answers import not_found

if TYPE_CHECKING:
    from hermes.sandbox.world import World

KEPT = timedelta(days=1)
Json = dict[str, Any]


@dataclass
class Job:
    """`status`: queued, working, completed, failed. `fate`: what it will come to."""

    id: str
    action: str
    list_id: str
    people: list[str]
    tag: str
    made_at: str
    due_at: str
    fate: str = 'completed'
    done_first: int = 0
    status: str = 'queued'
    message: str = ''

    def shown(self) -> Json:
        return {'id': self.id, 'status': self.status, 'message': self.message}


@dataclass
class Plan:
    """The fate of the next jobs. `done_first`: how many of its people a job deals with before it fails."""

    fate: str
    times: int
    done_first: int = 0


@dataclass
class Jobs:
    """`take_s`: how long a job takes. `carry_out` deals with one person of one job. `open` are those not ended."""

    world: World
    carry_out: Callable[[Job, str], None]
    take_s: float = 2.0
    jobs: dict[str, Job] = field(default_factory=dict)
    open: dict[str, Job] = field(default_factory=dict)
    plans: list[Plan] = field(default_factory=list)

    def begin(self, action: str, list_id: str, people: list[str], tag: str = '') -> Job:
        now = self.world.clock.now()
        token = f'{self.world.chance.getrandbits(128):032x}'
        due_at = now + timedelta(seconds=self.take_s)
        job = Job(token, action, list_id, people, tag, now.isoformat(), due_at.isoformat())
        if self.plans:
            plan = self.plans[0]
            job.fate, job.done_first = plan.fate, plan.done_first
            plan.times -= 1
            if plan.times <= 0:
                self.plans.pop(0)
        self.jobs[token] = self.open[token] = job
        while (oldest := next(iter(self.jobs.values()))).id not in self.open and self._is_old(oldest):
            del self.jobs[oldest.id]
        return job

    def plan(self, fate: str, times: int, done_first: int = 0) -> None:
        self.plans.append(Plan(fate, times, done_first))

    def ripen(self) -> None:
        """Carry out what is due, in the order in which it was asked for."""
        now = self.world.clock.now()
        for job in list(self.open.values()):
            if job.fate == 'stalled' or datetime.fromisoformat(job.due_at) > now:
                job.status = 'working' if datetime.fromisoformat(job.made_at) < now else 'queued'
                continue
            for person in job.people if job.fate == 'completed' else job.people[: job.done_first]:
                self.carry_out(job, person)
            job.status = job.fate
            del self.open[job.id]
            ended = datetime.fromisoformat(job.due_at).astimezone(UTC)
            job.message = f'Completed at {ended:%Y-%m-%d %H:%M:%S %z}' if job.fate == 'completed' else 'The task failed'

    def get(self, token: str) -> Job:
        """Raises Refused (404) for an unknown or an old token."""
        job = self.jobs.get(token)
        if job is None or self._is_old(job):
            raise not_found()
        return job

    def forget(self) -> None:
        """Every token is unknown from now on; what was not done will not be done."""
        self.jobs.clear()
        self.open.clear()

    def _is_old(self, job: Job) -> bool:
        return datetime.fromisoformat(job.made_at) + KEPT < self.world.clock.now()

    def state(self) -> list[Json]:
        return [
            {
                **job.shown(),
                'action': job.action,
                'list_id': job.list_id,
                'people': len(job.people),
                'due_at': job.due_at,
            }
            for job in self.jobs.values()
        ]

    def dump(self) -> Json:
        jobs, plans = [asdict(job) for job in self.jobs.values()], [asdict(plan) for plan in self.plans]
        return {'jobs': jobs, 'plans': plans, 'take_s': self.take_s}

    def load(self, kept: Json) -> None:
        self.jobs = {one['id']: Job(**one) for one in kept['jobs']}
        self.open = {token: job for token, job in self.jobs.items() if job.status in ('queued', 'working')}
        self.plans = [Plan(**one) for one in kept['plans']]
        self.take_s = kept['take_s']
