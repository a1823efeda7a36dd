"""Whether mails to visitors go out, and alerts to whoever looks after Hermes."""

from hermes.db.connections import Connection
from hermes.db.reads.checks import read_letters
from hermes.db.reads.status import read_untold
from hermes.domain.errors import HermesError
from hermes.kit.durations import show_duration
from hermes.parts.roles import CALENDAR_TITLE
from hermes.setup.findings import LATE_S, Finding
from hermes.setup.site import Site


def examine_mail(connection: Connection, site: Site) -> Finding:
    """CB-21: without a mail server bookings work, and nobody is reminded."""
    if not site.mail_server:
        said = f'off: no confirmations and no reminders are sent; {CALENDAR_TITLE} mails the invitations (SMTP_URL)'
        return Finding('mail', 'skipped', said)
    if not site.mail_from:
        return Finding('mail', 'todo', 'the letters have no sender', 'set MAIL_FROM to an address of your domain')
    letters = read_letters(connection)
    look = f'see "hermes bookings show {letters["meeting_id"]}"'
    if letters['parked']:
        return Finding('mail', 'todo', f'refused for good: {letters["parked"]}; the last: {letters["reason"]}', look)
    if letters['stuck']:
        return Finding('mail', 'todo', f'tried again and again: {letters["stuck"]}; {letters["reason"]}', look)
    if letters['late_s'] and letters['late_s'] > LATE_S and site.live:
        said = f'a letter has waited {show_duration(letters["late_s"])}'
        return Finding('mail', 'todo', said, 'see whether a worker runs, with "hermes status"')
    return Finding('mail', 'ok', f'sent from {site.mail_from}')


def examine_alerts(connection: Connection, site: Site) -> Finding:
    """Whether anybody hears of it when something needs a person."""
    places = [f'mail to {site.alert_mails}'] if site.alert_mails else []
    places += ['a webhook'] if site.alert_webhook else []
    if not places:
        return Finding(
            'alerts', 'skipped', 'off: nobody is told when something needs a person (ALERT_EMAIL, ALERT_WEBHOOK_URL)'
        )
    if site.alert_mails and not site.mail_server:
        return Finding('alerts', 'todo', 'ALERT_EMAIL is set, and there is no mail server', 'set SMTP_URL')
    if untold := read_untold(connection):
        said = '; '.join(f'{each["channel"]}: {each["reason"]}' for each in untold)
        return Finding('alerts', 'todo', f'they do not get out: {said}', 'mend it, then "hermes alerts test"')
    return Finding('alerts', 'ok', f'told by {" and ".join(places)}')


async def ask_mail_server(site: Site) -> list[Finding]:
    """Connects and signs in; nothing is sent. Nothing is said where there is no mail server."""
    name = 'mail server'
    try:
        mailer = site.mailer()
        if mailer is None:
            return []
        await mailer.check()
    except HermesError as error:
        return [Finding(name, 'todo', str(error), 'check SMTP_URL')]
    return [Finding(name, 'ok', 'it lets us in')]
