"""Every address of the desk with the least role that it asks for (S11). What does not stand here does not exist."""

from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hermes.web.assets import Assets
from hermes.web.desk import (
    account,
    app_users,
    audit,
    booking,
    bookings,
    config,
    decisions,
    events,
    first,
    forms,
    health,
    home,
    lists,
    login,
    migration,
    privacy,
    record_acts,
    records,
    replays,
    rules,
    search,
    setup,
    turns,
    undo,
    users,
)
from hermes.web.desk.guard import Route, guarded
from hermes.web.desk.pages import ASSETS
from hermes.web.desk.parts import DeskParts

ROUTES: Final[tuple[Route, ...]] = (
    Route('/init', first.show_init, 'nobody'),
    Route('/init', first.make_first, 'nobody', 'POST'),
    Route('/login', login.show_login, 'nobody'),
    Route('/login', login.login, 'nobody', 'POST'),
    Route('/login/code', login.show_code, 'nobody'),
    Route('/login/code', login.check_code, 'nobody', 'POST'),
    Route('/logout', login.logout, 'nobody', 'POST'),
    Route('/welcome/{token}', account.show_welcome, 'nobody'),
    Route('/welcome/{token}', account.welcome, 'nobody', 'POST'),
    Route('/', home.show_home, 'viewer'),
    Route('/desk/decisions/', decisions.show_decisions, 'viewer'),
    Route('/desk/decisions/', decisions.settle_several, 'operator', 'POST'),
    Route('/desk/decisions/{decision}/', decisions.show_decision, 'viewer'),
    Route('/desk/decisions/{decision}/', decisions.settle, 'operator', 'POST'),
    Route('/desk/decisions/push/{type}/{record}/{system}/', decisions.show_push, 'viewer'),
    Route('/desk/decisions/push/{type}/{record}/{system}/', decisions.settle_push, 'operator', 'POST'),
    Route('/desk/decisions/owner/{company}/', decisions.show_owner, 'viewer'),
    Route('/desk/decisions/owner/{company}/', decisions.settle_owner, 'operator', 'POST'),
    Route('/desk/bookings/', bookings.show_week, 'viewer'),
    Route('/desk/bookings/why/', bookings.show_why, 'viewer'),
    Route('/desk/bookings/rota/', turns.show_rota, 'viewer'),
    Route('/desk/bookings/rota/{turn}/', turns.show_turn, 'viewer'),
    Route('/desk/bookings/link/', bookings.show_link, 'operator'),
    Route('/desk/bookings/link/', bookings.make_link, 'operator', 'POST'),
    Route('/desk/bookings/{booking}/', booking.show_booking, 'viewer'),
    Route('/desk/bookings/{booking}/cancel/', booking.show_cancel, 'operator'),
    Route('/desk/bookings/{booking}/cancel/', booking.cancel, 'operator', 'POST'),
    Route('/desk/bookings/{booking}/move/', booking.show_move, 'operator'),
    Route('/desk/bookings/{booking}/move/', booking.move, 'operator', 'POST'),
    Route('/desk/bookings/{booking}/reassign/', booking.show_reassign, 'operator'),
    Route('/desk/bookings/{booking}/reassign/', booking.reassign, 'operator', 'POST'),
    Route('/desk/audit/', audit.show_audit, 'admin'),
    Route('/desk/health/', health.show_health, 'viewer'),
    Route('/desk/health/{system}/', health.show_system, 'viewer'),
    Route('/desk/health/{system}/pause/', health.pause_system, 'operator', 'POST'),
    Route('/desk/health/{system}/resume/', health.resume_system, 'operator', 'POST'),
    Route('/desk/records/{type}/{record}/', records.show_record, 'viewer'),
    Route('/desk/records/{type}/{record}/journal/', records.show_journal, 'viewer'),
    Route('/desk/records/{type}/{record}/fields/{field}/', records.show_field, 'viewer'),
    Route('/desk/records/{type}/{record}/fields/{field}/', record_acts.put_back, 'operator', 'POST'),
    Route('/desk/records/{type}/{record}/fields/{field}/release/', record_acts.release, 'operator', 'POST'),
    Route('/desk/records/{type}/{record}/push/', record_acts.push_now, 'operator', 'POST'),
    Route('/desk/records/{type}/{record}/fetch/', record_acts.fetch_now, 'operator', 'POST'),
    Route('/desk/records/{type}/{record}/account/', app_users.show_account, 'operator'),
    Route('/desk/records/{type}/{record}/account/', app_users.act_on_account, 'operator', 'POST'),
    Route('/desk/records/{type}/{record}/merge/', record_acts.show_merge, 'operator'),
    Route('/desk/records/{type}/{record}/merge/', record_acts.merge, 'operator', 'POST'),
    Route('/desk/records/{type}/{record}/unlink/', record_acts.show_unlink, 'operator'),
    Route('/desk/records/{type}/{record}/unlink/', record_acts.unlink, 'operator', 'POST'),
    Route('/desk/events/{event}/undo/', undo.undo, 'operator', 'POST'),
    Route('/desk/rules/{rule}/', rules.show_rule, 'viewer'),
    Route('/desk/account/', account.show_account, 'viewer'),
    Route('/desk/account/password/', account.change_password, 'viewer', 'POST'),
    Route('/desk/account/sessions/', account.end_session, 'viewer', 'POST'),
    Route('/desk/account/second-factor/', account.show_second_factor, 'viewer'),
    Route('/desk/account/second-factor/', account.enable_second_factor, 'viewer', 'POST'),
    Route('/desk/account/second-factor/drop/', account.drop_second_factor, 'viewer', 'POST'),
    Route('/desk/users/', users.show_users, 'admin'),
    Route('/desk/users/', users.add_user, 'admin', 'POST'),
    Route('/desk/users/{user}/', users.change_user, 'admin', 'POST'),
    Route('/desk/users/{user}/invite/', users.invite_user, 'admin', 'POST'),
    Route('/desk/users/{user}/second-factor/', users.drop_factor, 'admin', 'POST'),
    Route('/desk/setup/', setup.show_setup, 'viewer'),
    Route('/desk/setup/{step}/', setup.show_step, 'admin'),
    Route('/desk/setup/{step}/', setup.do_step, 'admin', 'POST'),
    Route('/desk/events/', events.show_events, 'viewer'),
    Route('/desk/events/replay/', replays.preview, 'operator', 'POST'),
    Route('/desk/events/replay/start/', replays.start, 'operator', 'POST'),
    Route('/desk/events/{event}/', events.show_event, 'viewer'),
    Route('/desk/events/{event}/body/', events.show_body, 'operator', 'POST'),
    Route('/desk/events/{event}/capsule/', events.make_capsule, 'operator', 'POST'),
    Route('/desk/events/{event}/park/', events.park, 'operator', 'POST'),
    Route('/desk/events/{event}/dismiss/', events.dismiss, 'operator', 'POST'),
    Route('/desk/replays/', replays.show_replays, 'viewer'),
    Route('/desk/replays/{replay}/', replays.show_replay, 'viewer'),
    Route('/desk/replays/{replay}/cancel/', replays.cancel, 'operator', 'POST'),
    Route('/desk/migration/', migration.show_migration, 'operator'),
    Route('/desk/migration/confirm/', migration.confirm, 'admin', 'POST'),
    Route('/desk/migration/move/', migration.move, 'admin', 'POST'),
    Route('/desk/privacy/', privacy.show_privacy, 'admin'),
    Route('/desk/privacy/', privacy.find_person, 'admin', 'POST'),
    Route('/desk/privacy/receipts/{receipt}/', privacy.show_receipt, 'admin'),
    Route('/desk/privacy/receipts/{receipt}/', privacy.check_receipt, 'admin', 'POST'),
    Route('/desk/privacy/{type}/{id}/', privacy.show_person, 'admin'),
    Route('/desk/privacy/{type}/{id}/export/', privacy.export, 'admin', 'POST'),
    Route('/desk/privacy/{type}/{id}/erase/', privacy.erase, 'admin', 'POST'),
    Route('/desk/search/', search.show_search, 'viewer'),
    Route('/desk/search/', search.find, 'viewer', 'POST'),
    Route('/desk/config/', config.show_config, 'viewer'),
    Route('/desk/config/{setting}/', config.show_setting, 'admin'),
    Route('/desk/config/{setting}/', config.save_setting, 'admin', 'POST'),
    Route('/desk/{resource}/', lists.show_list, 'viewer'),
    Route('/desk/{resource}/export.csv', lists.export, 'operator'),
    Route('/desk/{resource}/new/', forms.show_new, 'operator'),
    Route('/desk/{resource}/new/', forms.create, 'operator', 'POST'),
    Route('/desk/{resource}/{which}/edit/', forms.show_edit, 'operator'),
    Route('/desk/{resource}/{which}/edit/', forms.edit, 'operator', 'POST'),
    Route('/desk/{resource}/{which}/delete/', forms.show_delete, 'operator'),
    Route('/desk/{resource}/{which}/delete/', forms.delete, 'operator', 'POST'),
    Route('/desk/{resource}/{which}/restore/', forms.restore, 'operator', 'POST'),
)


def desk_routes(parts: DeskParts) -> APIRouter:
    """Every page and file of the desk. An address answers with and without its last slash."""
    router = APIRouter()
    for route in ROUTES:
        for path in {route.path, route.path.rstrip('/') or '/'}:
            router.add_route(path, guarded(parts, route), methods=[route.method], include_in_schema=False)
    for name in ASSETS.names:
        router.add_route(f'/static/{name}', _file(ASSETS, name), methods=['GET'], include_in_schema=False)
    return router


def _file(assets: Assets, name: str) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return assets.answer(request, name)

    return answer
