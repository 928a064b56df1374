"""Settings of the API: `DEMAND_API_*`, and `DEMAND_HOME` / `DEMAND_STORE_URL` to find the store."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from models_ml.errors import InputError
from models_ml.settings import is_loopback, store_address

_KEY_HASH = re.compile(r"^(?:(?P<name>[A-Za-z0-9_.-]{1,64}):)?(?P<hash>[0-9a-fA-F]{64})$")


class ApiSettings(BaseSettings):
    """A field `x` is read from `DEMAND_API_X`; lists are comma-separated."""

    model_config = SettingsConfigDict(env_prefix="DEMAND_API_", extra="ignore", frozen=True, populate_by_name=True)

    # store
    home: Path = Field(Path("data"), validation_alias="DEMAND_HOME", description="Folder of the store.")
    store_url: str | None = Field(
        None, validation_alias="DEMAND_STORE_URL", description="SQLAlchemy URL; unset: SQLite in the home."
    )
    store_schema: str = Field(
        "",
        validation_alias="DEMAND_STORE_SCHEMA",
        pattern=r"^\w*$",
        description="Schema of the store on a SQL Server; empty: the login's own.",
    )
    threads: int = Field(
        8, ge=1, le=64, description="Threads for database work, and connections in the pool (per worker)."
    )
    pool_timeout_seconds: float = Field(
        2.0, gt=0, description="Time to wait for a connection before 503 with Retry-After."
    )
    lock_timeout_seconds: float = Field(2.0, ge=0, description="Time to wait for a locked SQLite store before 503.")
    write_timeout_seconds: float = Field(
        20.0, gt=0, description="Time that an override waits for other writers before 503."
    )
    max_age_days: float = Field(
        8.0, gt=0, description="An active run published longer ago than this is reported as stale."
    )

    # authentication
    auth: Literal["on", "off"] = Field("on", description="`off` is for local demos only.")
    keys_sha256: str = Field(
        "", description="SHA-256 of the API keys in hex, each as `name:hash` or `hash`, comma-separated."
    )
    entra_tenant_id: str | None = Field(None, description="Entra ID tenant whose tokens are accepted.")
    entra_audience: str | None = Field(None, description="Audience (application id) that tokens must name.")
    entra_issuer: str | None = Field(None, description="Token issuer; unset: the tenant's v2.0 issuer.")
    entra_jwks_url: str | None = Field(None, description="Signing keys; unset: the tenant's v2.0 keys.")
    entra_roles: str = Field("", description="Roles or scopes, of which a token needs at least one; empty: any token.")
    writers: str = Field(
        "", description="Who may write: names of keys, roles or scopes of tokens, comma-separated; empty: nobody."
    )
    cors_origins: str = Field("", description="Allowed CORS origins, comma-separated.")

    # limits
    max_concurrency: int = Field(256, ge=1, description="Maximum concurrent requests per worker; above: 503.")
    max_body_bytes: int = Field(4_000_000, ge=1_024, description="Larger bodies get 413.")
    max_bulk_series: int = Field(50_000, ge=1, description="Maximum number of series in one bulk response.")
    request_timeout_seconds: float = Field(30.0, gt=0, description="Time to the first byte before 504.")
    cache_bytes: int = Field(
        200_000_000,
        ge=0,
        description="Maximum size of the response cache per worker; 0: no cache. All of M5 takes 165 MB.",
    )
    gzip_min_bytes: int = Field(16_384, ge=0, description="Smaller responses are not compressed.")

    # operation
    access_log: Literal["all", "errors"] = Field("all", description="Which requests are logged.")
    host: str = Field("127.0.0.1", description="Address that `python -m api` binds to.")
    port: int = Field(8000, ge=0, le=65_535, description="Port of `python -m api`.")
    workers: int = Field(1, ge=1, le=64, description="Processes of `python -m api`.")
    shutdown_seconds: int = Field(20, ge=1, description="Grace period for running requests at shutdown.")

    @field_validator("keys_sha256")
    @classmethod
    def _keys_are_hashes(cls, value: str) -> str:
        for part in _split(value):
            if not _KEY_HASH.match(part):
                raise ValueError(
                    "each entry is the SHA-256 of a key, 64 hex digits, optionally preceded by `name:`; create one "
                    "with: printf %s THE-KEY | sha256sum"
                )
        return value

    @model_validator(mode="after")
    def _somebody_may_ask(self) -> ApiSettings:
        if self.auth == "on" and not self.key_hashes and not self.entra_enabled:
            raise ValueError(
                "authentication is on but nobody could authenticate: set DEMAND_API_KEYS_SHA256, or "
                "DEMAND_API_ENTRA_TENANT_ID and DEMAND_API_ENTRA_AUDIENCE, or DEMAND_API_AUTH=off for a demo"
            )
        if self.auth == "off" and not is_loopback(self.host):
            raise ValueError(
                f"authentication is off and DEMAND_API_HOST is {self.host}: anyone who can reach this machine could "
                f"override forecasts; set DEMAND_API_KEYS_SHA256 or DEMAND_API_ENTRA_*, or listen on 127.0.0.1"
            )
        if (self.entra_tenant_id is None) != (self.entra_audience is None):
            raise ValueError("DEMAND_API_ENTRA_TENANT_ID and DEMAND_API_ENTRA_AUDIENCE must be set together")
        return self

    @property
    def effective_store_url(self) -> str:
        """URL of the prediction store."""
        return store_address(self.store_url, self.store_schema, self.home)

    @property
    def entra_enabled(self) -> bool:
        """Whether Entra ID tokens are accepted."""
        return self.entra_tenant_id is not None and self.entra_audience is not None

    @property
    def issuer(self) -> str:
        """Issuer that tokens must name."""
        return self.entra_issuer or f"https://login.microsoftonline.com/{self.entra_tenant_id}/v2.0"

    @property
    def jwks_url(self) -> str:
        """URL of the signing keys."""
        return self.entra_jwks_url or f"https://login.microsoftonline.com/{self.entra_tenant_id}/discovery/v2.0/keys"

    @property
    def roles(self) -> frozenset[str]:
        """Roles or scopes, of which a token needs at least one."""
        return frozenset(_split(self.entra_roles))

    @property
    def may_write(self) -> frozenset[str]:
        """Names of keys, and roles or scopes of tokens, that may write."""
        return frozenset(_split(self.writers))

    @property
    def origins(self) -> tuple[str, ...]:
        """Origins of the CORS list."""
        return _split(self.cors_origins)

    @property
    def key_hashes(self) -> dict[str, str]:
        """Lower-case hash of each key -> its name for the log."""
        named = (_KEY_HASH.match(part) for part in _split(self.keys_sha256))
        return {m["hash"].lower(): m["name"] or f"key-{n}" for n, m in enumerate(named, 1) if m}


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def load_settings() -> ApiSettings:
    """Settings from the environment.

    Raises:
        InputError: a variable has an invalid value, or nobody could authenticate.
    """
    try:
        return ApiSettings()
    except ValidationError as error:
        first = error.errors()[0]
        field = "_".join(str(part) for part in first["loc"])
        name = "" if not field else field if field.startswith("DEMAND_") else f"DEMAND_API_{field.upper()}"
        # the value is not shown: it may be an unhashed key
        message = first["msg"].removeprefix("Value error, ")
        raise InputError(f"{name}: {message}." if name else f"{message}.") from None
