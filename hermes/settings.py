"""Everything that a person sets from outside: environment variables, the `.env` file of the installation, and files for
secrets (`NAME_FILE`).

Every number says its unit. No secret has a default that works: an empty one means "not set", and what needs it refuses
to start. A wrong value is one plain sentence that names the variable and never repeats what was in it.
"""

import os
import re
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from hermes.kit import addresses
from hermes.kit.installation import find_home
from hermes.kit.secret_files import SecretFiles
from hermes.kit.secret_files import SettingsError as SettingsError
from hermes.kit.secret_files import is_secret as is_secret
from hermes.kit.secret_files import reveal as reveal
from hermes.kit.signing import read_whsec

LEAST_KEY, LEAST_SECRET_KEY, LEAST_DISTINCT = 16, 32, 8
"""Characters of a key of ours, of SECRET_KEY, and how many different ones; a drawn one has more of them."""
DRAW_A_KEY = """python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"""
DRAW_WHSEC = (
    """python3 -c 'import base64, secrets; print("whsec_" + base64.b64encode(secrets.token_bytes(32)).decode())'"""
)
RECIPIENT = re.compile(r'[^\s@,<>"]+@[^\s@,<>"]+')
OUR_KEYS = (
    'secret_key',
    'signing_key',
    'api_key',
    'support_link_key',
    'metrics_token',
    'pd_webhook_password',
    'people_api_key',
    'people_connection_key',
)
"""Keys that whoever sets Hermes up draws; those of other systems are theirs."""
UNSET = SecretStr('')


def split_commas(value: Any) -> Any:
    """`'a, b'` as `('a', 'b')`; anything else as it is."""
    return tuple(part.strip() for part in value.split(',') if part.strip()) if isinstance(value, str) else value


def trim_address(value: Any) -> Any:
    """An address without spaces around it and without its last slash."""
    return value.strip().rstrip('/') if isinstance(value, str) else value


Texts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split_commas)]
Secrets = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(split_commas)]
Address = Annotated[str, BeforeValidator(trim_address), Field(pattern=r'^$|^https?://[^\s/]+')]
ClockTime = Annotated[str, Field(pattern=r'^([01]\d|2[0-3]):[0-5]\d$')]
CrmType = Literal['SALESFORCE', 'NATIONBUILDER', 'LOG', 'NONE']


class Settings(BaseSettings):
    """The settings, named as their variables in small letters; `load` reads them."""

    model_config = SettingsConfigDict(
        env_file_encoding='utf-8', extra='ignore', case_sensitive=False, frozen=True, hide_input_in_errors=True
    )

    database_url: str = Field(
        '', description='PostgreSQL 14 or newer. Empty: the embedded one. `postgres://` is accepted.'
    )
    database_password: SecretStr = Field(
        UNSET, description='Password for `DATABASE_URL`, as it is. In the address itself it is percent-encoded.'
    )
    live_database_url: str = Field('', description='The database that `make restore-from-live` copies from.')
    data_dir: Path = Field(
        Path('data'),
        description='Folder of the embedded database, the sandbox and the logs. In `.env` it counts from there.',
    )
    hermes_url: Address = Field(
        'http://localhost:8000', description='Public address of Hermes, for webhooks and links.'
    )
    brand: str = Field('TutorCruncher', description='Name shown on the booking pages and in e-mails.')
    dev_mode: bool = Field(
        False, description='Logs as lines for people, also in a file. Relaxes nothing about security.'
    )
    log_level: Literal['DEBUG', 'INFO', 'WARNING', 'ERROR'] = Field(
        'INFO', description='Least severity that is logged.'
    )
    hermes_sandbox: bool = Field(
        False, description='Set by `hermes run` for its children: the systems are the emulated ones.'
    )
    sandbox_url: Address = Field('', description='Set by `hermes run`: where the emulated systems are.')

    secret_key: SecretStr = Field(
        UNSET, description='Signs sessions and encrypts stored tokens. 32 random characters or more.'
    )
    signing_key: Secrets = Field((), description='Sign booking links. Comma list: the first signs, all verify.')
    api_key: SecretStr = Field(UNSET, description="Key of Hermes's own API.")
    support_link_key: SecretStr = Field(UNSET, description='Key for making support links. Empty: `TC2_API_KEY`.')
    metrics_token: SecretStr = Field(
        UNSET, description='Shows `/metrics`, `/docs` and `/openapi.json` to whoever sends it as a bearer token.'
    )

    tc2_api_key: Secrets = Field(
        (), description='TutorCruncher API key, also its webhook secret. Comma list: the first is used, all verify.'
    )
    tc2_base_url: Address = Field('https://secure.tutorcruncher.com', description='Address of TutorCruncher.')
    tc2_write_back: bool = Field(False, description='Write Pipedrive links and stages back to TutorCruncher.')

    pd_api_key: SecretStr = Field(UNSET, description='Pipedrive API token.')
    pd_base_url: Address = Field(
        'https://api.pipedrive.com', description='Host of Pipedrive; `/api/v2` and `/api/v1` are appended.'
    )
    pd_api_v2_url: Address = Field('', description='Whole address of API v2, if it is not `PD_BASE_URL` + `/api/v2`.')
    pd_api_v1_url: Address = Field('', description='Whole address of API v1, if it is not `PD_BASE_URL` + `/api/v1`.')
    pd_webhook_user: str = Field('', description="User of the basic auth on Pipedrive's webhooks.")
    pd_webhook_password: Secrets = Field(
        (), description='Password of the same. Comma list: the first is registered, all are accepted.'
    )
    pd_plan: Literal['lite', 'growth', 'premium', 'ultimate'] = Field(
        'lite', description='Pipedrive plan, for the daily budget.'
    )
    pd_seats: int = Field(1, ge=1, description='Paid seats in Pipedrive, for the daily budget.')
    pd_api_max_rate: int | None = Field(
        None, ge=1, description='Requests to Pipedrive in one period, at most. Empty: what the plan allows.'
    )
    pd_api_rate_period: float = Field(2.0, gt=0, description='Length of that period, in seconds.')

    g_project_id: str = Field('', description="Project of Google's service account.")
    g_client_email: str = Field('', description='E-mail address of the service account.')
    g_private_key_id: str = Field('', description='Id of its key.')
    g_private_key: SecretStr = Field(UNSET, description='Its private key (PEM; `\\n` may stand for line ends).')
    g_client_id: str = Field('', description='Its client id.')
    g_token_uri: Address = Field('https://oauth2.googleapis.com/token', description='Where access tokens come from.')
    g_api_root: Address = Field('https://www.googleapis.com', description='Root of the calendar API.')

    callbooker_base_url: Address = Field(
        '', description='Base of support links. Empty: `HERMES_URL` + `/support-call`.'
    )
    support_ttl_days: int = Field(4, ge=1, description='How long a support link is valid, in days.')
    support_booking_needs_link: bool = Field(True, description='A support call can be booked only with a signed link.')
    meeting_dur_mins: int = Field(30, ge=5, le=480, description='Length of a call, in minutes.')
    meeting_buffer_mins: int = Field(15, ge=0, le=240, description='Pause after a call, in minutes.')
    meeting_min_start: ClockTime = Field('10:00', description="Start of the day, in the admin's own time zone.")
    meeting_max_end: ClockTime = Field('17:30', description="End of the day, in the admin's own time zone.")
    dft_timezone: str = Field('Europe/London', description='Time zone of an admin who has none (IANA name).')
    booking_horizon_days: int = Field(60, ge=1, le=366, description='How far ahead a call can be booked, in days.')
    decline_cancels: bool = Field(
        False, description="A visitor's No in the calendar cancels the call, instead of asking you."
    )
    rate_limits: bool | None = Field(
        None, description='Limits per visitor: `on` or `off`. Empty: on, except in the sandbox.'
    )

    crm_type: CrmType = Field('NONE', description='Where app users are written to.')
    people_api_key: Secrets = Field(
        (), description='Key of the API of app users. Comma list: all verify. Empty: that API is closed.'
    )
    people_connection_key: Secrets = Field(
        (),
        description="Key of its own for `POST /people/connection/`, which lends the CRM's access token. Comma list: "
        'all verify. Empty: nothing is lent.',
    )
    people_callback_url: SecretStr = Field(
        UNSET, description='Address of the host application that is called, signed, when app users changed. Empty: off.'
    )
    people_callback_secret: Secrets = Field(
        (), description='Signs that call: `whsec_` and base64 of 24 bytes or more. Comma list: all sign.'
    )
    salesforce_base_url: Address = Field('', description='Address of the Salesforce organisation.')
    salesforce_client_id: str = Field('', description='Client id of the connected app.')
    salesforce_client_secret: SecretStr = Field(UNSET, description='Its secret.')
    salesforce_daily_requests: int = Field(
        100_000, ge=1, description='Requests in 24 hours that Hermes may make, of those that the organisation has.'
    )
    people_file: Path | None = Field(
        None,
        description='File that says what app users, their fields and lists are called in the CRM (TOML). Empty: the '
        'shipped names.',
    )
    nationbuilder_slug: str = Field(
        '', pattern=r'^([a-z0-9][a-z0-9-]{0,62})?$', description='Name of the nation, as in its address.'
    )
    nationbuilder_base_url: Address = Field(
        '', description='Address of the nation. Empty: https://NATIONBUILDER_SLUG.nationbuilder.com.'
    )
    nationbuilder_client_id: str = Field('', description='Client id of the NationBuilder app.')
    nationbuilder_client_secret: SecretStr = Field(UNSET, description='Its secret.')
    nationbuilder_token: SecretStr = Field(UNSET, description='An access token, instead of signing in.')
    reps_dir: Path | None = Field(
        None,
        description='Folder with `sales_reps.yml`, `support_reps.yml` and their pictures. Empty: `sandbox` or `live` '
        'in `DATA_DIR`.',
    )

    cors_origins: Texts = Field((), description='Origins that may call the booking API from a browser. Comma list.')
    embed_origins: Texts = Field((), description='Origins that may show the booking widget. Comma list.')
    trusted_proxies: Texts = Field(
        (), description='Addresses or networks whose forwarding headers are believed. Comma list.'
    )
    allowed_hosts: Texts = Field(
        (), description="Further names under which Hermes is asked, besides that of `HERMES_URL` and this machine's."
    )
    smtp_url: SecretStr = Field(
        UNSET, description='Mail server: `smtp://user:password@host:port`. Empty: no e-mail is sent.'
    )
    mail_from: str = Field('', description='Sender of e-mails.')
    alert_email: Texts = Field(
        (), description='Who is mailed when something needs a person. Comma list. Needs `SMTP_URL`.'
    )
    alert_webhook_url: SecretStr = Field(
        UNSET, description='Address that is told the same by a signed webhook (Standard Webhooks). Empty: off.'
    )
    alert_webhook_secret: Secrets = Field(
        (), description='Signs that webhook: `whsec_` and base64 of 24 bytes or more. Comma list: all sign.'
    )
    database_limit_mb: int | None = Field(
        None, ge=1, description='What the database may take up, in MB, where a plan limits it. Nearly full is told.'
    )
    logfire_token: SecretStr = Field(UNSET, description='Token for Logfire. Empty: off.')
    sentry_dsn: SecretStr = Field(UNSET, description='Address for Sentry. Empty: off.')
    otel_exporter_otlp_endpoint: Address = Field('', description='OpenTelemetry collector. Empty: off.')

    push_mode: Literal['live', 'plan'] = Field('live', description='`plan`: everything is planned, nothing is sent.')
    push_spacing_s: float = Field(
        5.0, ge=0, description='Least time between two writes of one record to one system, in seconds.'
    )
    event_retention_days: int = Field(
        400, ge=1, description='After so many days the bodies of events are dropped; their keys stay.'
    )

    @field_validator('database_url', 'live_database_url')
    @classmethod
    def normalise_database_url(cls, value: str) -> str:
        """One spelling: `postgresql://...`."""
        return addresses.read_database(value.strip()) if value.strip() else ''

    @field_validator('dft_timezone')
    @classmethod
    def check_timezone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError('must be the name of a time zone such as Europe/London')
        return value

    @field_validator('rate_limits', 'pd_api_max_rate', 'database_limit_mb', 'reps_dir', 'people_file', mode='before')
    @classmethod
    def empty_is_none(cls, value: Any) -> Any:
        return None if value == '' else value

    @field_validator('trusted_proxies')
    @classmethod
    def check_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            try:
                ip_network(text, strict=False)
            except ValueError:
                raise ValueError('must be addresses or networks such as 10.0.0.0/8') from None
        return value

    @field_validator('alert_email')
    @classmethod
    def check_recipients(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(RECIPIENT.fullmatch(text) for text in value):
            raise ValueError('must be e-mail addresses such as ops@example.com')
        return value

    @field_validator('alert_webhook_url', 'people_callback_url')
    @classmethod
    def check_listener(cls, value: SecretStr) -> SecretStr:
        told = value.get_secret_value().strip()
        try:
            parts = urlsplit(told)
            wrong = parts.scheme not in {'http', 'https'} or not parts.hostname or (parts.port or 1) < 1
        except ValueError:
            wrong = True
        if told and (wrong or any(char.isspace() for char in told)):
            raise ValueError('must be an address such as https://www.example.com/hermes')
        return SecretStr(told)

    @field_validator('alert_webhook_secret', 'people_callback_secret')
    @classmethod
    def check_whsec(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for secret in value:
            try:
                guessed = len(set(read_whsec(secret.get_secret_value()))) < LEAST_DISTINCT
            except ValueError:
                raise ValueError(f'must be whsec_ and base64 of 24 to 64 bytes; this draws one: {DRAW_WHSEC}') from None
            if guessed:
                raise ValueError(f'too easy to guess; this draws a better one: {DRAW_WHSEC}')
        return value

    @field_validator('cors_origins', 'embed_origins')
    @classmethod
    def trim_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """Origins have no path: a trailing slash would never match (K-5)."""
        origins = tuple(text.rstrip('/') for text in value)
        if any(urlsplit(text).scheme not in {'http', 'https'} or urlsplit(text).path for text in origins):
            raise ValueError('must be origins such as https://www.example.com')
        return origins

    @model_validator(mode='after')
    def keep_worlds_apart(self) -> Self:
        """The sandbox talks to this machine only: its credentials never leave it, demo data never reach a real
        account.
        """
        used = [self.tc2_base_url, self.pd_base_url, self.hermes_url]
        if self.g_private_key.get_secret_value():
            used += [self.g_api_root, self.g_token_uri]
        used += [address for address in (self.salesforce_base_url, self.nationbuilder_url) if address]
        told = (self.smtp_url, self.alert_webhook_url, self.people_callback_url)
        used += [url.get_secret_value() for url in told if url.get_secret_value()]
        if self.hermes_sandbox and not all(is_loopback(address) for address in used):
            raise ValueError(
                'HERMES_SANDBOX: TC2_BASE_URL, PD_BASE_URL, G_API_ROOT, G_TOKEN_URI, SALESFORCE_BASE_URL, '
                'NATIONBUILDER_BASE_URL, SMTP_URL, ALERT_WEBHOOK_URL, PEOPLE_CALLBACK_URL and HERMES_URL must be on '
                'this machine'
            )
        for name in ('alert_webhook', 'people_callback'):
            if reveal(getattr(self, f'{name}_url')) and not getattr(self, f'{name}_secret'):
                told_as = name.upper()
                raise ValueError(f'{told_as}_SECRET: must be set beside {told_as}_URL; this draws one: {DRAW_WHSEC}')
        if {*reveal(self.people_connection_key)} & {*reveal(self.people_api_key)}:
            raise ValueError('PEOPLE_CONNECTION_KEY: must be another key than PEOPLE_API_KEY')
        if self.meeting_min_start >= self.meeting_max_end:
            raise ValueError('MEETING_MIN_START: must be before MEETING_MAX_END')
        return self

    @property
    def has_credentials(self) -> bool:
        """True if any credential of an outside system is set, whichever world it belongs to."""
        single = (
            self.pd_api_key,
            self.g_private_key,
            self.salesforce_client_secret,
            self.nationbuilder_client_secret,
            self.nationbuilder_token,
        )
        named = (self.g_client_email, self.salesforce_client_id, self.nationbuilder_client_id)
        return bool(self.tc2_api_key or any(secret.get_secret_value() for secret in single) or any(named))

    @property
    def app_users_clients(self) -> dict[str, str]:
        """Ids and secrets of the apps that sign in where app users are kept, as the sandbox calls them."""
        return {
            'sf_client_id': self.salesforce_client_id,
            'sf_client_secret': self.salesforce_client_secret.get_secret_value(),
            'nb_client_id': self.nationbuilder_client_id,
            'nb_client_secret': self.nationbuilder_client_secret.get_secret_value(),
        }

    @property
    def nationbuilder_url(self) -> str:
        """Where the nation is; '' while none is named."""
        named = f'https://{self.nationbuilder_slug}.nationbuilder.com' if self.nationbuilder_slug else ''
        return self.nationbuilder_base_url or named

    @property
    def sandboxed(self) -> bool:
        """True if the outside world is the emulated one: no real credential is set."""
        return self.hermes_sandbox or not self.has_credentials

    @property
    def reps_folder(self) -> Path:
        """Where the files of people are."""
        return self.reps_dir or self.world_dir

    @property
    def world_dir(self) -> Path:
        """The data folder of this world: the sandbox and real systems never share one."""
        return self.data_dir / ('sandbox' if self.sandboxed else 'live')

    @property
    def limits_on(self) -> bool:
        """Whether limits per visitor apply."""
        return not self.sandboxed if self.rate_limits is None else self.rate_limits

    @property
    def timezone(self) -> ZoneInfo:
        return ZoneInfo(self.dft_timezone)

    @property
    def pipedrive_v2_url(self) -> str:
        return self.pd_api_v2_url or f'{self.pd_base_url}/api/v2'

    @property
    def pipedrive_v1_url(self) -> str:
        return self.pd_api_v1_url or f'{self.pd_base_url}/api/v1'

    def require_secrets(self) -> None:
        """Raise SettingsError naming every secret that serving needs and that is not set; what is set has to do."""
        missing = [name.upper() for name in ('secret_key', 'signing_key', 'api_key') if not reveal(getattr(self, name))]
        if self.pd_api_key.get_secret_value() and not (self.pd_webhook_user and self.pd_webhook_password):
            missing.append('PD_WEBHOOK_USER and PD_WEBHOOK_PASSWORD')
        if missing:
            raise SettingsError(
                f'Not set: {", ".join(missing)}. Without them nothing can be signed or told from a forgery.'
            )
        if self.alert_email and not reveal(self.smtp_url):
            raise SettingsError('ALERT_EMAIL: nobody can be mailed without SMTP_URL; set that too, or leave it empty.')
        if weak := [name.upper() for name in OUR_KEYS if not self.is_strong(name)]:
            raise SettingsError(
                f'{", ".join(weak)}: too easy to guess. A key has {LEAST_KEY} characters or more (SECRET_KEY: '
                f'{LEAST_SECRET_KEY}), {LEAST_DISTINCT} of them different; this draws one: {DRAW_A_KEY}'
            )

    def is_strong(self, name: str) -> bool:
        """Whether nobody guesses what is set as a key of ours."""
        least = LEAST_SECRET_KEY if name == 'secret_key' else LEAST_KEY
        return all(
            len(key) >= least and len(set(key.encode('utf-8', 'replace'))) >= LEAST_DISTINCT
            for key in reveal(getattr(self, name))
        )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, SecretFiles(settings_cls, dotenv_settings), dotenv_settings


def load(overrides: Mapping[str, Any] | None = None) -> Settings:
    """The settings of this process; `overrides` (by field name) go before the environment. A folder that is not told
    from the root counts from the installation; one that the environment tells, from here. Raises SettingsError.
    """
    home = find_home()
    try:
        settings = Settings(**{'_env_file': home / '.env', **(overrides or {})})
    except ValidationError as error:
        raise SettingsError(' '.join(sorted({explain(dict(each)) for each in error.errors()}))) from None
    except UnicodeDecodeError:
        raise SettingsError(f'{home / ".env"}: must be UTF-8 text.') from None
    told: dict[str, Any] = {
        name: (Path.cwd() if name.upper() in os.environ else home) / folder
        for name in ('data_dir', 'reps_dir')
        if (folder := getattr(settings, name)) is not None
    }
    if settings.database_url and (password := settings.database_password.get_secret_value()):
        told['database_url'] = addresses.with_password(settings.database_url, password)
    return settings.model_copy(update=told)


def explain(error: Mapping[str, Any]) -> str:
    """One sentence about one wrong value, without the value."""
    told = str(error['msg']).removeprefix('Value error, ')
    name = str(error['loc'][0]).upper() if error['loc'] else ''
    if error['type'] == 'string_pattern_mismatch':
        told = (
            'must be HH:MM' if name.startswith('MEETING') else 'must be an address such as https://hermes.example.com'
        )
    text = f'{name}: {told[:1].lower()}{told[1:]}' if name else told
    return text if text.endswith('.') else f'{text}.'


def is_loopback(address: str) -> bool:
    """True if the address is on this machine."""
    return addresses.is_loopback(urlsplit(address).hostname)
