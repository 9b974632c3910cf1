"""Settings, from the environment. Each service reads those it needs; every one has a bound and a default that works.

The names are the usual ones (DATABASE_URL, NATS_URL, S3_ENDPOINT_URL, OPENAI_BASE_URL …), so that a platform's own
secrets fit as they are.
"""

import os
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, IPvAnyNetwork, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

Seconds = Annotated[float, Field(gt=0, le=86_400)]


class _Env(BaseSettings):
    model_config = SettingsConfigDict(extra="ignore", frozen=True, case_sensitive=False)


class NatsSettings(_Env):
    """NATS JetStream. ``nats_subject_prefix`` stands before streams and subjects: several systems on one server."""

    nats_url: str = "nats://127.0.0.1:4222"
    nats_subject_prefix: Annotated[str, Field(pattern=r"^[a-z0-9_]{0,40}$")] = ""
    nats_stream_replicas: Annotated[int, Field(ge=1, le=5)] = 1
    ack_wait: Annotated[float, Field(ge=0.2, le=15)] = 12.0
    """Seconds without a heartbeat until a job is delivered again; workers send one every third of it."""
    jobs_max_bytes: Annotated[int, Field(ge=1 << 20)] = 1 << 30


class DatabaseSettings(_Env):
    """Postgres, the truth. Only api, status and webhooks have one."""

    database_url: SecretStr = SecretStr("postgresql://postgres@127.0.0.1:5432/storyloom")
    database_pool: Annotated[int, Field(ge=1, le=100)] = 4
    database_pooler: Literal["auto", "none", "session", "transaction"] = "auto"
    """The mode of a pooler such as PgBouncer before Postgres. ``auto`` finds one, and treats it as transaction mode."""
    database_role_prefix: Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,30}$")] = "storyloom"
    """What the roles begin with that ``ops deploy database-roles`` makes: several systems on one Postgres."""


class StoreSettings(_Env):
    """An S3 store. ``s3_public_url`` is what clients reach, where it differs from what the services reach."""

    s3_endpoint_url: str | None = None
    s3_public_url: str | None = None
    s3_bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")] = "storyloom"
    s3_region: str = "us-east-1"
    aws_access_key_id: SecretStr | None = None
    aws_secret_access_key: SecretStr | None = None
    aws_session_token: SecretStr | None = None
    """Of temporary credentials. Without ``AWS_ACCESS_KEY_ID`` credentials are boto3's to find (a file, a web identity),
    and read again when the store refuses them."""
    store_retry_delays: tuple[float, ...] = (0.2, 0.5, 1, 2, 4, 8, 8, 8)
    """Seconds between the attempts to store what is paid for already, while the store is unavailable."""
    presign_seconds: Annotated[int, Field(ge=10, le=604_800)] = 900


class ProviderSettings(_Env):
    """When a provider counts as unavailable, the same for all of them (storyloom/providers/resilience/gate.py)."""

    breaker_failures: Annotated[int, Field(ge=1, le=1000)] = 5
    """After so many calls in a row that end in a time-out, a 5xx or a lost connection the circuit breaker opens."""
    breaker_window: Seconds = 60
    """Seconds within which they must have failed."""
    breaker_probe_delays: Annotated[tuple[Seconds, ...], Field(min_length=1)] = (1, 2, 4)
    """Seconds that the breaker stays open before a call probes the provider; a failed probe takes the next delay."""
    quota_probe_delay: Seconds = 4
    """Seconds until one call probes whether an exhausted quota was topped up, or a refused key is accepted."""


class OpenAISettings(_Env):
    """OpenAI, or whatever speaks its protocol."""

    openai_api_key: SecretStr = SecretStr("")
    openai_base_url: str = "https://api.openai.com/v1"
    text_model: str = "gpt-5.1"
    image_model: str = "gpt-image-1.5"
    image_quality: Annotated[str, Field(pattern="^(low|medium|high|auto)$")] = "high"
    vision_model: str = "gpt-5.1"
    moderation_model: str = "omni-moderation-latest"
    text_timeout: Seconds = 120
    image_timeout: Seconds = 240
    moderation_timeout: Seconds = 15
    """As ``TEXT_TIMEOUT``, for moderation, which answers within a second; the shorter of the two counts."""
    openai_concurrency: Annotated[int, Field(ge=1, le=4096)] = 32
    """Concurrent calls of one process, to begin with; a 429 halves them, successes raise them again."""
    openai_max_concurrency: Annotated[int, Field(ge=1, le=4096)] = 128
    """The most that successes may raise them to."""


class ElevenLabsSettings(_Env):
    """ElevenLabs, or whatever speaks its protocol."""

    elevenlabs_api_key: SecretStr = SecretStr("")
    elevenlabs_base_url: str = "https://api.elevenlabs.io"
    voice_model: str = "eleven_v3"
    default_voice: str = "JBFqnCBsd6RMkjVDRZzb"
    voice_timeout: Seconds = 240
    elevenlabs_concurrency: Annotated[int, Field(ge=1, le=4096)] = 12
    """Concurrent calls of one process, to begin with; a 429 halves them, successes raise them again."""
    elevenlabs_max_concurrency: Annotated[int, Field(ge=1, le=4096)] = 30
    """The most that successes may raise them to; the largest plan to be had without a contract allows 15 to 30."""
    scene_pause: Annotated[float, Field(ge=0, le=5)] = 0.8


class WorkerSettings(_Env):
    """How a worker service fetches jobs. Slots are how many are in flight at once, by priority lane."""

    slots_normal: Annotated[int, Field(ge=1, le=256)] = 8
    slots_high: Annotated[int, Field(ge=1, le=256)] = 2
    slots_urgent: Annotated[int, Field(ge=1, le=256)] = 2
    job_timeout: Seconds = 1200
    """Hard time-out of one attempt, in seconds, whatever it waits for."""
    retry_delays: tuple[float, ...] = (5, 20, 60, 180)
    """Seconds before attempt 2, 3, …; the last one repeats. A quarter of jitter comes on top."""
    max_attempts: Annotated[int, Field(ge=1, le=50)] = 8
    """How often making an asset may fail. Waits, drains and crashes are no failures."""
    max_crashes: Annotated[int, Field(ge=1, le=50)] = 8
    """How many workers may crash over one job, one after the other, before it is dead-lettered."""
    drain_seconds: Seconds = 8
    """How long jobs in flight may take to end when the service stops; what is left is requeued."""


class StatusSettings(_Env):
    """When the status service ends what takes too long."""

    asset_deadline: Seconds = 3_600
    """Seconds from the first attempt at an asset until it must be settled, with all its attempts; time that it waits
    for a provider that is away does not count."""
    story_deadline: Annotated[float, Field(gt=0, le=604_800)] = 7_200
    """Seconds from the request, or from the command that opened it again, until a story must have ended."""


class LimitSettings(_Env):
    """What a tenant may use that has no limits of its own (``tenant set``). Days are UTC's."""

    limit_requests_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 30_000
    """Requests to the api a minute; beyond: 429."""
    limit_concurrent_stories: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    """Stories being made at a time; what exceeds them waits (``queuePosition``)."""
    limit_stories_per_day: Annotated[int, Field(ge=0, le=10_000_000)] = 100_000
    """New stories a day; beyond: 429."""
    limit_regenerations_per_story: Annotated[int, Field(ge=0, le=1_000_000)] = 100
    """How often assets of one story may be made anew; beyond: 429."""
    limit_usd_per_day: Annotated[float, Field(ge=0, le=10_000_000)] = 10_000
    """US dollars a day, by the price list. Once they are spent nothing new is paid for: what is under way is finished,
    other assets fail as ``money_cap_reached``, and new stories get a 429."""


class HttpSettings(_Env):
    """Where a service answers HTTP. Clients reach the public port, which only api and status have.

    Probes, Prometheus and operators reach the internal one: ``/health/live``, ``/health/ready``, ``/metrics`` and
    ``/docs/asyncapi``.
    """

    http_host: str = "127.0.0.1"
    http_port: Annotated[int, Field(ge=0, le=65_535)] = 0
    internal_host: str = "127.0.0.1"
    internal_port: Annotated[int, Field(ge=0, le=65_535)] = 0
    http_client_connections: Annotated[int, Field(ge=0, le=1_000_000)] = 1000
    """Connections of one client's address to the api at once, 0 for any number. Where proxies of ours stand before a
    service, its requests in flight are counted instead, by the address that the proxies forward for."""
    trusted_proxies: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    """Networks of our own proxies: their ``X-Forwarded-For`` is believed, and their own connections are not counted."""
    hsts_seconds: Annotated[int, Field(ge=0, le=126_144_000)] = 0
    """Seconds of ``Strict-Transport-Security`` in every answer of the public port, where all of it is behind TLS."""
    drain_delay: Annotated[float, Field(ge=0, le=300)] = 0
    """Seconds from red readiness to the end of listening when a service stops: what a load balancer needs to notice."""
    key_cache_seconds: Annotated[float, Field(ge=0, le=5)] = 3
    """How long api and status take a key for valid without asking Postgres again: a key that is revoked is refused
    within so many seconds. 0: ask for every request."""
    public_url: Annotated[str, Field(pattern=r"^(https?://[^\s/?#]+)?$")] = ""
    """The origin at which clients reach the API, such as ``https://stories.example``: the address of an error's page
    begins with it, and the OpenAPI document names it. Without it these are relative."""
    cors_origins: tuple[Annotated[str, Field(pattern=r"^(\*|https?://[^\s/?#,]+)$")], ...] = ()
    """Origins whose pages may call the public port from a browser, such as ``https://app.example``; ``*``: any. No
    cookies are involved: a page needs a key or, for a story's stream, a token."""


def _none_or_long(key: SecretStr) -> SecretStr:
    if 0 < len(key.get_secret_value()) < 32:
        raise ValueError("has fewer than 32 characters: too few to sign with")
    return key


class ApiSettings(_Env):
    """The public API. ``status_url`` is where it finds the progress stream, which it passes on."""

    status_url: str | None = None
    screening_seconds: Annotated[float, Field(gt=0, le=30)] = 3.0
    """How long a new brief or an edited text may wait for moderation. A brief's outline is moderated in any case."""
    help_lines: Annotated[str, Field(min_length=1, max_length=500)] = "https://findahelpline.com"
    """Where a parent finds help, in words: it stands in the refusal of a brief about self-harm. By default a list of
    help lines by country; better the numbers of the country that you serve."""
    story_languages: tuple[Annotated[str, Field(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")], ...] = ()
    """Languages that stories may be asked for in, such as ``["en", "de"]``: those that your models and voices are good
    at. Others are refused before anything is paid. Without it all that there are labels, fonts and rules for."""
    receipt_key: Annotated[SecretStr, AfterValidator(_none_or_long)] = SecretStr("")
    """Signs stories' receipts (HMAC-SHA256), so that it shows where one was changed: 32 random characters or more.
    Without it receipts are not signed."""
    erasure_sweeps: tuple[float, ...] = (5, 30, 120, 1500)
    """Seconds after a deletion at which NATS and the store are swept again for what a worker left there since. One more
    sweep comes once no job can be in flight any more (``JOB_TIMEOUT`` and ``ACK_WAIT``), where these end sooner."""
    story_retention_days: Annotated[float, Field(ge=0, le=36_500)] = 0
    """Days after its creation at which a story that has ended is deleted, as if its client had; 0: never."""
    erasure_receipt_days: Annotated[float, Field(ge=0, le=36_500)] = 0
    """Days for which the receipt of a deletion is kept; 0: for ever. Keep them for longer than backups: after a restore
    they say what to delete again."""
    stale_object_grace: Annotated[float, Field(gt=0, le=2_592_000)] = 86_400
    """Seconds until an object is deleted that no row refers to any more, such as a picture that was drawn anew: more
    than ``PRESIGN_SECONDS``, and than readers leave a page open."""


class WebhookSettings(_Env):
    """Webhooks: what api takes as an endpoint, and how webhooks calls it."""

    webhook_allow_http: bool = False
    """Whether plain http is allowed: on a developer's machine, never in production."""
    webhook_allowed_networks: tuple[IPvAnyNetwork, ...] = ()
    """Networks that may be called although they are not public, such as ``127.0.0.0/8``. Link-local ones never are."""
    webhook_trust_proxy: bool = False
    """Whether the environment's proxy (``HTTPS_PROXY``) is used. It then decides which addresses are called: names are
    not checked here."""
    webhook_timeout: Annotated[float, Field(gt=0, le=60)] = 15.0
    """Seconds for one attempt, from its name's resolution to the answer's head."""
    webhook_retry_delays: tuple[Seconds, ...] = (5, 300, 1_800, 7_200, 18_000, 36_000)
    """Seconds from a failed attempt to the next. A tenth of jitter comes on top; after the last of them the delivery
    has failed."""
    webhook_concurrency: Annotated[int, Field(ge=1, le=10_000)] = 1_024
    """Attempts at once in one process to endpoints that work, and as many to those that never did, or fail."""
    webhook_endpoint_concurrency: Annotated[int, Field(ge=1, le=100)] = 8
    """Attempts at once in one process to one endpoint that works. Others are sent one at a time."""
    webhook_disable_after: Annotated[float, Field(gt=0, le=60)] = 5.0
    """Days for which an endpoint has answered nothing but errors until it is disabled."""
    webhook_retention: Annotated[float, Field(gt=0, le=3_650)] = 30.0
    """Days after which settled deliveries, and their log, are deleted."""


class LogSettings(_Env):
    log_level: Annotated[str, Field(pattern="^(?i:debug|info|warning|error)$")] = "info"
    log_format: Annotated[str, Field(pattern="^(json|console)$")] = "json"


class TracingSettings(_Env):
    """OpenTelemetry. Sampling, headers and time-outs are its own variables (``OTEL_TRACES_SAMPLER`` …)."""

    otel_exporter_otlp_endpoint: str | None = None
    """Where spans go, by OTLP over HTTP, such as ``http://127.0.0.1:4318``. Without it none are made."""
    otel_exporter_otlp_traces_endpoint: str | None = None
    """The same for spans alone, with its path, such as ``http://127.0.0.1:4318/v1/traces``."""
    otel_sdk_disabled: bool = False
    """No spans, whatever else is set."""


class Settings(
    NatsSettings,
    DatabaseSettings,
    StoreSettings,
    ProviderSettings,
    OpenAISettings,
    ElevenLabsSettings,
    WorkerSettings,
    StatusSettings,
    LimitSettings,
    HttpSettings,
    ApiSettings,
    WebhookSettings,
    LogSettings,
    TracingSettings,
):
    """Everything together, for whoever composes several services."""


RENAMED: Mapping[str, str] = {
    "BUS_PREFIX": "NATS_SUBJECT_PREFIX",
    "BUS_REPLICAS": "NATS_STREAM_REPLICAS",
    "STORE_PAUSES": "STORE_RETRY_DELAYS",
    "BREAKER_PAUSES": "BREAKER_PROBE_DELAYS",
    "QUOTA_PAUSE": "QUOTA_PROBE_DELAY",
    "OPENAI_CALLS": "OPENAI_CONCURRENCY",
    "OPENAI_CALLS_MOST": "OPENAI_MAX_CONCURRENCY",
    "ELEVENLABS_CALLS": "ELEVENLABS_CONCURRENCY",
    "ELEVENLABS_CALLS_MOST": "ELEVENLABS_MAX_CONCURRENCY",
}
"""Variables of earlier versions, and what they are called now. None is read: one that is set stops the start."""


class InvalidSettingError(Exception):
    """A variable cannot be used as it is. The message is a sentence that names it, and never its value."""


def load_settings() -> Settings:
    """Everything from the environment. Raises InvalidSettingError, also for a variable by its old name."""
    given = {name.upper() for name, value in os.environ.items() if value}
    for old, new in RENAMED.items():
        if old in given:
            raise InvalidSettingError(f"{old} was renamed: set {new}.")
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise InvalidSettingError(f"{str(first['loc'][0]).upper()} is wrong: {first['msg']}.") from error
    except SettingsError as error:
        named = [name.upper() for name in Settings.model_fields if f'"{name}"' in str(error)]
        raise InvalidSettingError(f"{' '.join(named) or 'A variable'} is wrong: a list is written as JSON.") from error
