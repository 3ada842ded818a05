"""How settings are read: `FLEET_NAME` from the environment, or a secret's text from the file `FLEET_NAME_FILE` names.

Every class of settings is read once, in a `main`; everything else is handed plain values. A setting has a type,
a unit in its name, a default, and one sentence; docs/configuration.md is generated from these classes.
"""

import os
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from shared.errors import Misconfigured
from shared.preferences import OF_THE_PAGE, PATTERN, Language
from shared.quota import Limits
from shared.usage import Prices
from shared.values import DefaultKeyPolicy, GeminiSdk

PREFIX = "FLEET_"


class _Files(PydanticBaseSettingsSource):
    """Reads `FLEET_X_FILE`: the setting's value is the file's text without the last line's end."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - inherited
        name = f"{PREFIX}{field_name.upper()}_FILE"
        path = os.environ.get(name)
        if not path:
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").rstrip("\n"), field_name, False
        except OSError as error:
            raise Misconfigured(f"{name} names a file that cannot be read: {path} ({error.strerror}).") from error

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


class Settings(BaseSettings):
    """A component's knobs; `read()` is the way to make one in a `main`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - inherited
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - inherited
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment first, then files; no .env file and no secrets folder is looked for."""
        return (init_settings, env_settings, _Files(settings_cls))

    @classmethod
    def read(cls) -> Self:
        """These settings from the environment.

        Raises:
            Misconfigured: one is missing or cannot be used; names each with what is wrong, never its value.
        """
        try:
            return cls()
        except ValidationError as error:
            faults = "; ".join(
                f"{PREFIX}{str(fault['loc'][0]).upper()}: {fault['msg']}" if fault["loc"] else fault["msg"]
                for fault in error.errors()
            )
            raise Misconfigured(f"The configuration cannot be used: {faults}.") from error


class DatabaseSettings(Settings):
    """PostgreSQL, where the ledger is."""

    database_url: SecretStr = Field(
        description="PostgreSQL of the ledger: `postgresql://user:password@host:5432/name`. The login is no superuser "
        "and a member of the roles `fleet_tenant` and `fleet_dispatcher`; `fleet migrate` makes them if it has "
        "CREATEROLE."
    )
    database_pool: int = Field(default=10, ge=1, le=200, description="Connections a process may hold open.")


class BrokerSettings(Settings):
    """The message broker, and how users are spread over its queues."""

    broker_url: SecretStr = Field(
        description="The broker: `amqp://…` for RabbitMQ, `redis://…` for one machine without it."
    )
    partitions: int = Field(
        default=16, ge=1, le=100, description="Queues per stage; a user's work travels on one of them."
    )


class RedisSettings(Settings):
    """Redis or Valkey, where quotas and caches are."""

    redis_url: SecretStr = Field(description="Redis or Valkey for quotas and caches: `redis://:password@host:6379/0`.")


class VaultSettings(Settings):
    """Vault or OpenBao, where users' keys are."""

    vault_addr: str = Field(description="Vault's address: `https://vault:8200`.")
    vault_ca: str | None = Field(
        default=None,
        description="A file with the certificate of the authority that signed Vault's, where it is your own.",
    )
    vault_auth: Literal["token", "approle", "kubernetes"] = Field(
        default="approle", description="How to sign in to Vault: `token`, `approle` or `kubernetes`."
    )
    vault_token: SecretStr | None = Field(default=None, description="The token, for FLEET_VAULT_AUTH=token.")
    vault_role_id: str | None = Field(default=None, description="The role's id, for FLEET_VAULT_AUTH=approle.")
    vault_secret_id: SecretStr | None = Field(
        default=None, description="The role's secret, for FLEET_VAULT_AUTH=approle."
    )
    vault_role: str | None = Field(default=None, description="The role's name, for FLEET_VAULT_AUTH=kubernetes.")
    vault_mount: str = Field(default="secret", description="The KV version 2 mount that holds the keys.")
    vault_cache_s: float = Field(
        default=60.0, ge=0, le=3600, description="How long the analyzer may remember a key, seconds."
    )


class KeySettings(Settings):
    """How keys are taken in."""

    key_tries_per_hour: int = Field(
        default=10, ge=1, description="Keys that may be offered for one user within an hour."
    )


class DefaultKeySettings(Settings):
    """The deployment's own key, and how far users may draw on it; it lives in the vault like every other."""

    default_key_policy: DefaultKeyPolicy = Field(
        default=DefaultKeyPolicy.OFF,
        description=(
            "When the deployment's default key serves: `off` never, `fallback` where a user's own key is missing or "
            "refused, `always` for every call in place of the users' own."
        ),
    )
    default_key_per_minute: int = Field(default=15, ge=0, description="Calls on the default key in any 60 seconds.")
    default_key_per_day: int = Field(default=1_500, ge=0, description="Calls on the default key in a calendar day.")
    default_key_per_month: int = Field(
        default=45_000, ge=0, description="Calls on the default key in a calendar month."
    )
    default_key_share_per_minute: int = Field(
        default=5, ge=0, description="Calls on the default key that one user may make in any 60 seconds."
    )
    default_key_share_per_day: int = Field(
        default=100, ge=0, description="Calls on the default key that one user may make in a calendar day."
    )
    default_key_share_per_month: int = Field(
        default=1_000, ge=0, description="Calls on the default key that one user may make in a calendar month."
    )

    def limits(self) -> Limits:
        """The limits of everybody's calls on the default key together."""
        return Limits(
            minute=self.default_key_per_minute, day=self.default_key_per_day, month=self.default_key_per_month
        )

    def share_limits(self) -> Limits:
        """The limits of one user's calls on it."""
        return Limits(
            minute=self.default_key_share_per_minute,
            day=self.default_key_share_per_day,
            month=self.default_key_share_per_month,
        )


class TokenSettings(Settings):
    """What bearer tokens are signed with."""

    token_secret: SecretStr = Field(
        min_length=32, description="Signs and checks the front door's bearer tokens (HS256); at least 32 characters."
    )


class IdentitySettings(Settings):
    """The identity provider whose users may ask with its own tokens; without an issuer there is none."""

    identity_issuer: str | None = Field(
        default=None, min_length=1, description="The provider as its tokens name it (`iss`)."
    )
    identity_audience: str | None = Field(
        default=None, min_length=1, description="This deployment as the provider's tokens name it (`aud`)."
    )
    identity_jwks_url: str | None = Field(
        default=None,
        pattern=r"^(https://|http://(localhost|127\.0\.0\.1|\[::1\])[:/])",
        description="Where the provider publishes its public keys, its `jwks_uri`; `https://`.",
    )
    identity_jwks: str | None = Field(
        default=None, description="The public keys themselves, a JSON Web Key Set, in place of the address."
    )

    @model_validator(mode="after")
    def _whole_or_none(self) -> Self:
        keys = [source for source in (self.identity_jwks_url, self.identity_jwks) if source is not None]
        if self.identity_issuer is None and self.identity_audience is None and not keys:
            return self
        if self.identity_issuer is None or self.identity_audience is None or len(keys) != 1:
            raise ValueError(
                "FLEET_IDENTITY_ISSUER, FLEET_IDENTITY_AUDIENCE and one of FLEET_IDENTITY_JWKS_URL and "
                "FLEET_IDENTITY_JWKS belong together"
            )
        return self


class QuotaSettings(Settings):
    """How many provider calls each user may make."""

    quota_per_minute: int = Field(default=15, ge=0, description="Provider calls a user may make in any 60 seconds.")
    quota_per_day: int = Field(default=1_500, ge=0, description="Provider calls a user may make in a calendar day.")
    quota_per_month: int = Field(
        default=45_000, ge=0, description="Provider calls a user may make in a calendar month."
    )
    quota_minute_window_s: float = Field(
        default=60.0, gt=0, le=60, description="Length of the sliding minute, seconds; shorter only in tests."
    )
    quota_timezone: str = Field(
        default="America/Los_Angeles", description="The time zone whose midnight begins a day and a month."
    )

    @field_validator("quota_timezone")
    @classmethod
    def _known_timezone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("no such time zone; use a name like Europe/Berlin")
        return value

    def limits(self) -> Limits:
        """The limits of a user for whom no others are set."""
        return Limits(minute=self.quota_per_minute, day=self.quota_per_day, month=self.quota_per_month)

    def minute(self) -> timedelta:
        """The length of the sliding window."""
        return timedelta(seconds=self.quota_minute_window_s)

    def timezone(self) -> ZoneInfo:
        """The time zone of the calendar windows."""
        return ZoneInfo(self.quota_timezone)


class GeminiSettings(Settings):
    """The provider, as the analyzer calls it and the front door checks keys with it."""

    gemini_base_url: str = Field(
        default="https://generativelanguage.googleapis.com", description="Where Gemini's REST API is."
    )
    gemini_api_version: str = Field(default="v1beta", description="The version of Gemini's API, a part of its path.")
    gemini_model: str = Field(default="gemini-2.5-flash", description="The model that analyses.")
    gemini_prompt_price: float = Field(
        default=0.30,
        ge=0,
        description="What a million tokens sent to that model cost, US dollars; stats add it up.",
    )
    gemini_answer_price: float = Field(
        default=2.50, ge=0, description="What a million tokens received from that model cost, US dollars."
    )
    gemini_sdk: GeminiSdk = Field(
        default=GeminiSdk.GOOGLE_GENAI,
        description="The library that carries the analyzer's requests: `google-genai`, or `google-generativeai`, the "
        "older one (an extra to install, and v1beta alone).",
    )

    def prices(self) -> Prices:
        """What calls cost."""
        return Prices(prompt=self.gemini_prompt_price, answer=self.gemini_answer_price)

    @model_validator(mode="after")
    def _with_schemas(self) -> Self:
        if self.gemini_sdk is GeminiSdk.GOOGLE_GENERATIVEAI and self.gemini_api_version != "v1beta":
            raise ValueError("FLEET_GEMINI_SDK=google-generativeai has FLEET_GEMINI_API_VERSION=v1beta alone")
        return self


def split_at_commas(value: object) -> object:
    """The parts of a setting that was given as text; blanks around them and empty ones are dropped."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


class EgressSettings(Settings):
    """Which addresses may be visited beyond the public ones."""

    egress_allow: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        default=(),
        description="Extra networks that may be visited, comma-separated CIDR; for tests and intranets.",
    )
    egress_ports: Annotated[tuple[int, ...], NoDecode] = Field(
        default=(80, 443, 8000, 8080, 8443),
        description="Ports that may be visited, comma-separated; any port inside FLEET_EGRESS_ALLOW.",
    )

    _split = field_validator("egress_allow", "egress_ports", mode="before")(split_at_commas)


class BrowserSettings(Settings):
    """The browser of the render stage."""

    browser_path: str | None = Field(
        default=None,
        min_length=1,
        description="Chromium: a path, or a name on PATH; without it `chromium`, `chromium-browser`, `google-chrome` "
        "and `google-chrome-stable` are looked for.",
    )


class DispatchSettings(Settings):
    """How much work is let out at a time, and how failures are tried again."""

    batch_size: int = Field(
        default=5, ge=1, le=100, description="Contents of one user that are analysed before the lane rests."
    )
    batch_pause_s: float = Field(
        default=60.0, ge=0, description="Rest between a user's batches of provider calls, seconds."
    )
    items_per_request: int = Field(default=5, ge=1, le=20, description="Contents one provider request carries at most.")
    max_retries: int = Field(default=3, ge=0, le=20, description="Tries after the first before a job fails.")
    retry_base_s: float = Field(
        default=10.0, gt=0, description="Upper bound of the first back-off, seconds; doubles with each try."
    )
    retry_cap_s: float = Field(default=3600.0, gt=0, description="Upper bound of any back-off, seconds.")
    scrape_window: int = Field(default=4, ge=1, description="Scrape jobs of one user out at a time.")
    scrape_ready_buffer: int = Field(
        default=64, ge=1, description="Scrape jobs released and not yet claimed, over all users."
    )
    render: bool = Field(
        default=False,
        description="Whether a pool of `fleet render` opens pages that need a browser; without one they end with what "
        "could be read of them. The same for every process; `fleet up` sets it where Chromium is found.",
    )
    render_window: int = Field(default=2, ge=1, description="Render jobs of one user out at a time.")
    render_ready_buffer: int = Field(
        default=32, ge=1, description="Render jobs released and not yet claimed, over all users."
    )
    analyze_ready_buffer: int = Field(
        default=64, ge=1, description="Analyze jobs released and not yet claimed, over all users."
    )
    release_lease_s: float = Field(
        default=60.0, gt=0, description="How long a released job and its message live unclaimed, seconds."
    )
    scrape_lease_s: float = Field(
        default=120.0, gt=0, description="How long a scrape job may run before it is taken back, seconds."
    )
    render_lease_s: float = Field(
        default=180.0, gt=0, description="How long a render job may run before it is taken back, seconds."
    )
    analyze_lease_s: float = Field(
        default=300.0, gt=0, description="How long an analyze job may run before it is taken back, seconds."
    )


class AnalysisSettings(Settings):
    """What analyses are like, for users who wish nothing else."""

    analysis_language: str = Field(
        default=OF_THE_PAGE,
        pattern=PATTERN,
        description="The language analyses are written in: a tag such as `de` or `pt-BR`, or `page` for each "
        "page's own; a user's own wish goes before it.",
    )

    def language(self) -> Language:
        """The language analyses are written in."""
        return Language(self.analysis_language)


class ProcessSettings(Settings):
    """What every process has."""

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least severe log line written."
    )
    trace_endpoint: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s/?#]+[^\s?#]*$",
        description="A collector that takes OpenTelemetry's traces over OTLP/HTTP: `http://collector:4318`; nothing is "
        "traced without one. The extra `tracing` is needed.",
    )
    metrics_host: str = Field(
        default="127.0.0.1",
        description="The address on which a process without an API serves /metrics and its probes.",
    )
    metrics_port: int = Field(
        default=0, ge=0, le=65535, description="The port of /metrics and the probes; 0 serves none."
    )
