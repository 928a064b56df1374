"""Settings of the dashboard, read from `DEMAND_*` variables."""

from __future__ import annotations

from functools import lru_cache

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class DashboardSettings(BaseSettings):
    """A field `x` is read from the variable `DEMAND_X`."""

    model_config = SettingsConfigDict(env_prefix="DEMAND_", extra="ignore", frozen=True)

    api_url: str = Field("http://127.0.0.1:8000", description="Address of the API.")
    api_key: SecretStr | None = Field(None, description="API key, if the API requires one.")
    api_timeout_seconds: float = Field(6.0, gt=0, description="Time-out of API requests.")
    docs_url: str | None = Field(
        None, description="Address of the published site (lineage, Data Docs), linked from the data page."
    )


@lru_cache(maxsize=1)
def get_settings() -> DashboardSettings:
    """Settings of this process."""
    return DashboardSettings()
