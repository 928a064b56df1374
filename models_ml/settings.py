"""Every setting of the system, read from `DEMAND_*` variables; docs/operating.md has them as a table."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from models_ml.errors import InputError
from models_ml.lake.address import LakeAddress, data_location

REPOSITORY = Path(__file__).resolve().parent.parent

QUANTILES: tuple[float, ...] = (0.005, 0.025, 0.165, 0.25, 0.5, 0.75, 0.835, 0.975, 0.995)
"""The nine probabilities of the M5 uncertainty competition, which are stored with every forecast."""


def quantile_column(probability: float) -> str:
    """Column of a quantile in the store, e.g. 0.025 -> `q_0_025`."""
    return "q_" + f"{probability:g}".replace(".", "_")


QUANTILE_COLUMNS: tuple[str, ...] = tuple(quantile_column(p) for p in QUANTILES)


def store_address(url: str | None, schema: str, home: Path) -> str:
    """URL of the prediction store, with the schema in its query; SQLite in the home if there is no URL."""
    url = url or f"sqlite:///{home.resolve() / 'prediction_store.sqlite'}"
    if not schema or "schema=" in url:  # a child process is given the whole address
        return url
    return f"{url}{'&' if '?' in url else '?'}schema={schema}"


class Settings(BaseSettings):
    """Settings of all parts; a field `x` is read from the variable `DEMAND_X`."""

    model_config = SettingsConfigDict(env_prefix="DEMAND_", extra="ignore", frozen=True)

    home: Path = Field(Path("data"), description="Folder of all files that runs write.")
    project_dir: Path = Field(
        REPOSITORY, description="Folder that holds `dbt_project/` and `profiles/`; unset: beside the package."
    )
    data_dir: Annotated[Path | LakeAddress | None, BeforeValidator(data_location)] = Field(
        None, description="Folder of raw files, or the Kaggle zip itself, here or in a lake; unset: simulated data."
    )
    source: Literal["m5", "long"] = Field("m5", description="Which source feeds the core marts.")
    source_config: Path | None = Field(
        None,
        description="YAML file of the source `long`; unset: source.yml in the folder of raw files, or in the home.",
    )
    stores: str = Field("", description="Comma-separated stores to forecast; empty: every store.")
    store_url: str | None = Field(
        None, description="SQLAlchemy URL of the prediction store; unset: SQLite in the home."
    )
    store_schema: str = Field(
        "", pattern=r"^\w*$", description="Schema of the store on a SQL Server; empty: the login's own (dbt: `dbo`)."
    )
    publish_builds_reports: bool = Field(
        False, description="Rebuild the serving models after `demand publish` and `demand promote`."
    )
    warehouse_url: str | None = Field(
        None, description="`duckdb:///file` or `databricks://...`; unset: DuckDB in the home."
    )
    dbt_target: str = Field("local", description="Target of profiles/profiles.yml.")
    lake_endpoint: str | None = Field(None, description="Blob endpoint of the lake; unset: the account's own.")
    lake_sas: SecretStr | None = Field(None, description="Shared access signature; unset: this process's identity.")
    horizon_days: int = Field(28, ge=7, le=84, description="Days to forecast, a multiple of 7.")
    model: str = Field("middle_out", description="Forecaster to train (see `demand train --help`).")
    seed: int = Field(20160522, ge=0, description="Seed of the simulator and of every model.")
    threads: int = Field(2, ge=1, description="Threads for DuckDB, dbt and LightGBM.")
    memory_limit_gb: float = Field(8.0, gt=0, description="DuckDB's memory limit in GB.")
    model_schema: str = Field(
        "",
        pattern=r"^(\w+\.\w+)?$",
        description="`catalog.schema` of registered models where MLflow's registry is Unity Catalog; empty: none.",
    )
    refit_days: int = Field(
        7, ge=1, description="Days for which a fitted model forecasts again in `demand run`; 1: every run fits."
    )
    keep_runs: int = Field(
        35,
        ge=2,
        description="Runs kept in the store and in `models/` by `demand run`, beside those served.",
    )
    history_days: int = Field(112, ge=28, description="Days of recent sales published for serving.")
    inventory_terms: Path | None = Field(
        None, description="CSV of ordering terms that override dbt_project/seeds/inventory/inventory_terms.csv."
    )
    webhook_url: str | None = Field(None, description="Who is told, by POST, when another run is served.")
    webhook_secret: SecretStr | None = Field(
        None, description="Signs what is sent there: HMAC-SHA256 over timestamp, dot and body."
    )
    api_url: str = Field("http://127.0.0.1:8000", description="Where the dashboard finds the API.")

    @property
    def warehouse_path(self) -> Path:
        """The DuckDB file of the warehouse zone (local target)."""
        return self.home.resolve() / "warehouse.duckdb"

    @property
    def raw_source(self) -> Path | LakeAddress | None:
        """Location of the raw data; None: not configured, so it may be simulated."""
        if self.source == "m5":
            return self.data_dir
        if self.source_config is not None or self.data_dir is not None:
            return self.source_config or self.data_dir
        written = self.home / "source.yml"
        return written if written.exists() else None

    @property
    def effective_warehouse_url(self) -> str:
        """Where the warehouse is."""
        return self.warehouse_url or f"duckdb:///{self.warehouse_path}"

    @property
    def effective_store_url(self) -> str:
        """Where the prediction store is."""
        return store_address(self.store_url, self.store_schema, self.home)

    @property
    def lake_signature(self) -> str | None:
        """The shared access signature in clear, for the client alone."""
        return self.lake_sas.get_secret_value() if self.lake_sas else None

    @property
    def store_list(self) -> tuple[str, ...]:
        """The stores to forecast; empty: every store."""
        return tuple(s.strip() for s in self.stores.split(",") if s.strip())

    def shared_by(self, jobs: int) -> Settings:
        """These settings for one of several parallel jobs, with its share of threads and memory."""
        share = {"threads": max(1, self.threads // jobs), "memory_limit_gb": self.memory_limit_gb / jobs}
        return self.model_copy(update=share)


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Settings of this process.

    Raises:
        InputError: a `DEMAND_*` variable has a value that is not allowed.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "DEMAND_" + "_".join(str(part) for part in first["loc"]).upper()
        raise InputError(f"{name}: {first['msg']} (got {first['input']!r}). Unset it or correct it.") from None


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine alone."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
