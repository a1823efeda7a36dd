"""Where traces and errors go besides the log: Logfire, Sentry, any OpenTelemetry collector. All of them are off until
an address or token is set, and their libraries are the optional part `observe` of the package.

S8: what leaves here was redacted first. Sentry is told of log lines from ERROR on, after redaction, never of frames,
local variables or requests.
"""

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

from hermes.kit import tracing

SERVICE = 'hermes'
MISSING = "install the optional part (`pip install 'hermes-sync[observe]'`)"


@dataclass(frozen=True, slots=True)
class Places:
    """Where to send; empty means off. `collector` is the address of an OTLP/HTTP collector, without `/v1/traces`."""

    logfire_token: str = ''
    sentry_dsn: str = ''
    collector: str = ''

    @property
    def traced(self) -> bool:
        return bool(self.logfire_token or self.collector)


def start(places: Places, process: str, version: str) -> None:
    """Begin to send. Raises ModuleNotFoundError when a place is set and its library is not installed."""
    if places.traced:
        tracing.use(_tracer(places, process, version))
    if places.sentry_dsn:
        _sentry(places.sentry_dsn, process, version)


def _tracer(places: Places, process: str, version: str) -> Any:
    """A tracer that sends to Logfire, to a collector, or to both."""
    import logfire
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    collectors = [OTLPSpanExporter(f'{places.collector}/v1/traces')] if places.collector else []
    logfire.configure(
        token=places.logfire_token or None,
        send_to_logfire=bool(places.logfire_token),
        service_name=f'{SERVICE}-{process}',
        service_version=version,
        console=False,
        metrics=False,
        inspect_arguments=False,
        distributed_tracing=False,
        additional_span_processors=[BatchSpanProcessor(exporter) for exporter in collectors],
        advanced=logfire.AdvancedOptions(id_generator=tracing.Ids()),  # type: ignore[arg-type]
    )
    return trace.get_tracer(SERVICE, version)


def _sentry(dsn: str, process: str, version: str) -> None:
    """Sentry as a place for our own, redacted events; none of its integrations."""
    import sentry_sdk

    sentry_sdk.init(
        dsn=dsn,
        release=f'{SERVICE}@{version}',
        default_integrations=False,
        auto_enabling_integrations=False,
        include_local_variables=False,
        include_source_context=False,
        max_request_body_size='never',
        traces_sample_rate=0.0,
        server_name=process,
    )


class Report:
    """A structlog processor behind the redaction: lines from ERROR on are told to Sentry."""

    def __call__(self, logger: Any, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if line.get('level', method) in ('error', 'critical', 'exception'):
            import sentry_sdk

            sentry_sdk.capture_event(_event(line))
        return line


def _event(line: MutableMapping[str, Any]) -> Any:
    """A redacted line as an event of Sentry; the traceback is text, grouped by the message and its last line."""
    message = str(line.get('event', ''))
    failure = str(line.get('exception', ''))
    kind = failure.strip().rpartition('\n')[2].partition(':')[0]
    extra = {key: value for key, value in line.items() if key not in ('event', 'level', 'logger', '_record')}
    return {
        'level': 'fatal' if line.get('level') == 'critical' else 'error',
        'logger': str(line.get('logger', SERVICE)),
        'message': message,
        'fingerprint': [message, kind],
        'extra': {key: value for key, value in extra.items() if not key.startswith('_')},
    }
