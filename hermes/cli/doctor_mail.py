"""What `hermes doctor` says about mails to visitors, and about alerts to whoever looks after Hermes."""

from typing import TYPE_CHECKING

from hermes.cli.findings import LATE_S, Finding
from hermes.cli.output import show_duration
from hermes.parts.roles import CALENDAR_TITLE

if TYPE_CHECKING:
    from hermes.db.connections import Connection
    from hermes.settings import Settings


def examine_mail(connection: 'Connection', settings: 'Settings') -> Finding:
    """CB-21: without a mail server bookings work, and nobody is reminded."""
    from hermes.db.reads.checks import read_letters

    if not settings.smtp_url.get_secret_value():
        said = f'off: no confirmations and no reminders are sent; {CALENDAR_TITLE} mails the invitations (SMTP_URL)'
        return Finding('mail', 'skipped', said)
    if not settings.mail_from:
        return Finding('mail', 'todo', 'the letters have no sender', 'set MAIL_FROM to an address of your domain')
    letters = read_letters(connection)
    look = f'see "hermes bookings show {letters["meeting_id"]}"'
    if letters['parked']:
        return Finding('mail', 'todo', f'refused for good: {letters["parked"]}; the last: {letters["reason"]}', look)
    if letters['stuck']:
        return Finding('mail', 'todo', f'tried again and again: {letters["stuck"]}; {letters["reason"]}', look)
    if letters['late_s'] and letters['late_s'] > LATE_S and settings.push_mode == 'live':
        said = f'a letter has waited {show_duration(letters["late_s"])}'
        return Finding('mail', 'todo', said, 'see whether a worker runs, with "hermes status"')
    return Finding('mail', 'ok', f'sent from {settings.mail_from}')


def examine_alerts(connection: 'Connection', settings: 'Settings') -> Finding:
    """Whether anybody hears of it when something needs a person."""
    from hermes.db.reads.status import read_untold

    places = [f'mail to {len(settings.alert_email)}'] if settings.alert_email else []
    places += ['a webhook'] if settings.alert_webhook_url.get_secret_value() else []
    if not places:
        return Finding(
            'alerts', 'skipped', 'off: nobody is told when something needs a person (ALERT_EMAIL, ALERT_WEBHOOK_URL)'
        )
    if settings.alert_email and not settings.smtp_url.get_secret_value():
        return Finding('alerts', 'todo', 'ALERT_EMAIL is set, and there is no mail server', 'set SMTP_URL')
    if untold := read_untold(connection):
        said = '; '.join(f'{each["channel"]}: {each["reason"]}' for each in untold)
        return Finding('alerts', 'todo', f'they do not get out: {said}', 'mend it, then "hermes alerts test"')
    return Finding('alerts', 'ok', f'told by {" and ".join(places)}')
