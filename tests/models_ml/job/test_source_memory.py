"""A home remembers its source: other data replaces nothing unless that is asked for."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pytest

from models_ml.errors import InputError
from models_ml.job import source_memory
from models_ml.job.raw_data import ingest_raw
from models_ml.settings import Settings
from models_ml.sources import get_source
from models_ml.sources.long.simulate import simulate as simulate_long
from models_ml.sources.m5.simulate import simulate
from models_ml.warehouse.connection import warehouse_of

LAST_DAY = date(2012, 3, 3)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files that stand for a retailer's own: two stores."""
    folder = tmp_path_factory.mktemp("real")
    simulate(folder, stores=2, items=5, days=400, seed=7, horizon_days=28)
    return folder


@pytest.fixture
def settings(real: Path, tmp_path: Path) -> Settings:
    """A home that holds them."""
    settings = Settings(home=tmp_path / "home", data_dir=real)
    assert ingest_raw(settings).series == 10
    return settings


def series(settings: Settings) -> int:
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
        return connection.sql("select count(*) from raw_m5.sales_train_evaluation").fetchall()[0][0]


def test_18_01_simulated_data_never_enters_a_home_of_other_data(settings: Settings) -> None:
    unset = settings.model_copy(update={"data_dir": None})
    for changed in (False, True):
        with pytest.raises(InputError, match=f"DEMAND_DATA_DIR={settings.data_dir}"):
            ingest_raw(unset, source_changed=changed)
    assert series(settings) == 10
    assert not (settings.home / "raw").exists()


def test_18_01_another_folder_replaces_nothing_unless_told(settings: Settings, tmp_path: Path) -> None:
    simulate(tmp_path / "other", stores=1, items=3, days=400, seed=8, horizon_days=28)
    other = settings.model_copy(update={"data_dir": tmp_path / "other"})
    with pytest.raises(InputError, match="--source-changed"):
        ingest_raw(other)
    assert series(settings) == 10
    assert ingest_raw(other, source_changed=True).series == 3
    with pytest.raises(InputError, match="--source-changed"):
        ingest_raw(settings)


def test_18_01_another_kind_of_source_replaces_nothing_unless_told(settings: Settings, tmp_path: Path) -> None:
    simulate_long(tmp_path / "shop", stores=1, items=3, days=400, seed=8)
    other = settings.model_copy(update={"source": "long", "data_dir": tmp_path / "shop"})
    with pytest.raises(InputError, match="source m5"):
        ingest_raw(other)
    assert ingest_raw(other, source_changed=True).series == 3


def test_18_01_stores_are_added_freely_and_dropped_only_if_told(settings: Settings) -> None:
    one = settings.model_copy(update={"stores": "CA_1"})
    with pytest.raises(InputError, match="all stores"):
        ingest_raw(one)
    assert ingest_raw(one, source_changed=True).stores == 1
    assert ingest_raw(settings).stores == 2


def test_18_01_the_same_files_by_another_name_are_the_same_source(settings: Settings, tmp_path: Path) -> None:
    assert settings.data_dir is not None
    (tmp_path / "link").symlink_to(settings.data_dir)
    assert ingest_raw(settings.model_copy(update={"data_dir": tmp_path / "link"})).unchanged


def test_18_01_a_fresh_home_on_databricks_remembers_by_the_raw_tables(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = warehouse_of(settings)
    monkeypatch.setattr(source_memory, "warehouse_of", lambda _settings: tables)
    job = Settings(home=tmp_path / "job", data_dir=settings.data_dir, warehouse_url="databricks://host")
    source_memory.refuse_other_source(job, changed=False)
    source_memory.refuse_other_source(job.model_copy(update={"stores": "CA_1"}), changed=False)
    other = job.model_copy(update={"data_dir": tmp_path / "other"})
    with pytest.raises(InputError, match=f"The warehouse holds source m5, {settings.data_dir}"):
        source_memory.refuse_other_source(other, changed=False)
    source_memory.refuse_other_source(other, changed=True)
    simulate_long(tmp_path / "shop", stores=1, items=3, days=400, seed=8)
    shop = settings.model_copy(update={"source": "long", "data_dir": tmp_path / "shop"})
    ingest_raw(shop, source_changed=True)
    with pytest.raises(InputError, match=f"The warehouse holds source long, {tmp_path / 'shop'}"):
        source_memory.refuse_other_source(job, changed=False)


def test_18_01_a_warehouse_that_was_never_loaded_refuses_nothing(tmp_path: Path) -> None:
    nothing = Settings(home=tmp_path)
    assert source_memory.source_loaded_last(nothing, warehouse_of(nothing)) is None


@pytest.mark.parametrize("as_of", [date(2030, 1, 1), date(2000, 1, 1)])
def test_18_06_an_origin_without_sales_is_refused_with_the_range(settings: Settings, as_of: date) -> None:
    with pytest.raises(InputError, match=f"{as_of} is outside the sales, which range from 2011-01-29 to {LAST_DAY}"):
        ingest_raw(settings, as_of)
    assert series(settings) == 10


@pytest.mark.parametrize("as_of", [date(2030, 1, 1), date(2000, 1, 1)])
def test_18_06_the_same_of_the_source_long(tmp_path: Path, as_of: date) -> None:
    source = get_source("long")
    simulate_long(tmp_path, stores=1, items=2, days=91, seed=1)
    with pytest.raises(InputError, match=f"{as_of} is outside the sales, which range from .* to "):
        source.ingest(tmp_path, tmp_path / "warehouse.duckdb", as_of=as_of)
