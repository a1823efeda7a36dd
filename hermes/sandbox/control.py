"""`/_world/`: what a test, a bench or a curious person sees and sets of the emulated world."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, HTTPException, Request

from hermes.kit.clock import ManualClock
from hermes.sandbox.google import Refused as RefusedByGoogle
from hermes.sandbox.nationbuilder import Refused as RefusedByNationBuilder
from hermes.sandbox.pipedrive.answers import Refused
from hermes.sandbox.salesforce import Refused as RefusedBySalesforce
from hermes.sandbox.scenarios import SCENARIOS
from hermes.sandbox.tutorcruncher import Refused as RefusedByTutorCruncher
from hermes.sandbox.tutorcruncher import Unknown
from hermes.sandbox.world import SYSTEMS

if TYPE_CHECKING:
    from hermes.sandbox.pipedrive import PipedriveAccount
    from hermes.sandbox.world import World

Json = dict[str, Any]


def routes(world: World) -> APIRouter:
    """The control API of this world."""
    router = APIRouter(prefix='/_world')

    @router.get('/state')
    async def state() -> Json:
        return {
            'now': world.clock.now().isoformat(),
            'weather': world.weather.as_dict(),
            'outbox': outbox_state(world),
            'call_count': world.call_count,
            'pipedrive': world.pipedrive.state(),
            'tutorcruncher': world.tutorcruncher.state(),
            'google': world.google.state(),
            'salesforce': world.salesforce.state(),
            'nationbuilder': world.nationbuilder.state(),
            'mailbox': world.mailbox.state(),
        }

    @router.get('/salesforce/lists')
    async def lists() -> Json:
        return world.salesforce.lists()

    @router.get('/nationbuilder/lists')
    async def nation_lists() -> Json:
        return world.nationbuilder.lists()

    @router.get('/calls')
    async def calls(system: str | None = None, method: str | None = None, since: int = 0) -> list[Json]:
        return [
            call.as_dict()
            for call in world.calls
            if call.number > since and system in (None, call.system) and method in (None, call.method)
        ]

    @router.get('/weather')
    async def weather() -> Json:
        return world.weather.as_dict()

    @router.post('/weather')
    async def set_weather(request: Request) -> Json:
        try:
            world.weather.change(**await read_object(request))
        except ValueError as problem:
            raise HTTPException(422, str(problem)) from None
        return world.weather.as_dict()

    @router.post('/reset')
    async def reset() -> Json:
        world.raise_systems()
        return {'status': 'ok'}

    @router.post('/seed')
    async def sow(request: Request) -> Json:
        try:
            seed(world, str((await read_object(request)).get('scenario', 'demo')))
        except LookupError as problem:
            raise HTTPException(404, str(problem)) from None
        return {'status': 'ok'}

    @router.get('/clock')
    async def clock() -> Json:
        return {'now': world.clock.now().isoformat(), 'manual': isinstance(world.clock, ManualClock)}

    @router.post('/clock')
    async def set_clock(request: Request) -> Json:
        return move_clock(world, await read_object(request))

    @router.post('/act')
    async def act(request: Request) -> Json:
        return carry_out(world, await read_object(request))

    return router


async def read_object(request: Request) -> Json:
    """The JSON object in the body; 422 for anything else."""
    try:
        body = await request.json()
    except ValueError:
        raise HTTPException(422, 'not JSON') from None
    if not isinstance(body, dict):
        raise HTTPException(422, 'not an object')
    return body


def outbox_state(world: World) -> Json:
    next_due_at = world.outbox.next_due_at()
    return {
        'waiting': len(world.outbox.waiting),
        'in_flight': world.outbox.in_flight,
        'sent': len(world.outbox.sent),
        'dropped': world.outbox.dropped,
        'next_due_at': next_due_at and next_due_at.isoformat(),
    }


def seed(world: World, scenario: str) -> None:
    """Fill the world with the scenario of that name (`hermes.sandbox.scenarios`). Raises LookupError."""
    if scenario not in SCENARIOS:
        raise LookupError(f'no scenario is called {scenario!r}: there are {", ".join(SCENARIOS)}')
    SCENARIOS[scenario](world)


def move_clock(world: World, body: Json) -> Json:
    if not isinstance(world.clock, ManualClock):
        raise HTTPException(409, "this world runs on the machine's clock")
    try:
        if 'advance_s' in body:
            world.clock.advance(max(float(body['advance_s']), 0.0))
        elif 'now' in body:
            world.clock.move_to(datetime.fromisoformat(body['now']))
    except RefusedByGoogle as refusal:
        raise HTTPException(422, refusal.message) from None
    except (TypeError, ValueError):
        raise HTTPException(422, 'advance_s in seconds, or now with its zone') from None
    return {'now': world.clock.now().isoformat(), 'manual': True}


def carry_out(world: World, body: Json) -> Json:
    """An act of a person: `{system, act, ...}`; 422 names what was wrong."""
    system, name = body.pop('system', None), str(body.pop('act', ''))
    try:
        if system == 'pipedrive':
            result = act_in_pipedrive(world.pipedrive, name, body)
        elif system == 'tutorcruncher':
            result = world.tutorcruncher.act(name, **body)
        elif system == 'google':
            result = world.google.act(name, **body)
        elif system == 'salesforce':
            result = world.salesforce.act(name, **body)
        elif system == 'nationbuilder':
            result = world.nationbuilder.act(name, **body)
        elif system == 'mailbox':
            result = world.mailbox.act(name, **body)
        else:
            raise HTTPException(404, f'system is one of {", ".join(SYSTEMS)} or mailbox')
    except Refused as refusal:
        raise HTTPException(422, refusal.error) from None
    except (RefusedByGoogle, RefusedBySalesforce, RefusedByNationBuilder) as refusal:
        raise HTTPException(422, refusal.message) from None
    except (TypeError, ValueError, LookupError, Unknown, RefusedByTutorCruncher) as problem:
        raise HTTPException(422, f'{type(problem).__name__}: {problem}') from None
    return {'result': result}


def act_in_pipedrive(account: PipedriveAccount, name: str, given: Json) -> Any:
    """`id` is the object; for a merge it is the one that disappears. Raises LookupError, KeyError or Refused."""
    user_id = given.get('user_id')
    acts: dict[str, Callable[[], Any]] = {
        'create': lambda: account.act_create(given['kind'], given['values'], user_id),
        'update': lambda: account.act_update(given['kind'], given['id'], given['values'], user_id),
        'move': lambda: account.act_move(given['id'], given['stage_id'], user_id),
        'archive': lambda: account.act_archive(given['id'], archived=given.get('archived', True), user_id=user_id),
        'delete': lambda: account.act_delete(given['kind'], given['id'], user_id),
        'undelete': lambda: account.act_undelete(given['kind'], given['id'], user_id),
        'merge': lambda: account.act_merge(given['kind'], given['id'], given['merge_with_id'], user_id),
        'webhooks': lambda: account.act_webhooks(on=given['on']),
        'ban': account.act_ban,
        'delete_subscriptions': account.act_delete_subscriptions,
        'deactivate_user': lambda: account.act_deactivate_user(given['id'], active=given.get('active', False)),
        'set_plan': lambda: account.act_set_plan(given['plan'], given.get('seats')),
    }
    if name not in acts:
        raise LookupError(f'no act is called {name!r}: there are {", ".join(sorted(acts))}')
    return acts[name]()
