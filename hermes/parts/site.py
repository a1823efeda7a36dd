"""What setting an installation up has to know of its settings."""

from hermes.parts.assembly import build_mailer, following
from hermes.parts.roles import CRM
from hermes.parts.systems import SYSTEMS, doors, profiles, sources, systems_on
from hermes.settings import Settings, SettingsError, is_loopback
from hermes.setup.site import Site


def site_of(settings: Settings) -> Site:
    """The installation that these settings describe."""
    return Site(
        settings.hermes_url,
        profiles(),
        systems_on(settings),
        {each.profile.name: each.variables for each in SYSTEMS},
        {source.name: f'{settings.hermes_url}{source.path}/' for source in sources(settings)},
        door=doors(settings).get(CRM),
        in_reach=not is_loopback(settings.hermes_url) or is_loopback(settings.pd_base_url),
        secrets=_lacking(settings),
        sandboxed=settings.sandboxed,
        live=settings.push_mode == 'live',
        write_back=settings.tc2_write_back,
        calendar_account=settings.g_client_email,
        calendar_key=bool(settings.g_private_key.get_secret_value()),
        following=following(settings),
        zone=settings.dft_timezone,
        reps_folder=settings.reps_folder,
        reps_named=settings.reps_dir is not None,
        mail_server=bool(settings.smtp_url.get_secret_value()),
        mail_from=settings.mail_from,
        mailer=lambda: build_mailer(settings),
        alert_mails=len(settings.alert_email),
        alert_webhook=bool(settings.alert_webhook_url.get_secret_value()),
    )


def _lacking(settings: Settings) -> str:
    try:
        settings.require_secrets()
    except SettingsError as error:
        return str(error)
    return ''
