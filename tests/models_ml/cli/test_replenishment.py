"""`demand stock import`, `demand supply import` and `demand orders`, on a store of three items."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from models_ml.cli.main import app
from models_ml.errors import InputError
from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.migrate import upgrade
from models_ml.prediction_store.publish import publish
from models_ml.settings import Settings
from tests.conftest import demand
from tests.synthetic import synthetic_run


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home with one published run of 28 days."""
    record, frames = synthetic_run(stores=("CA_1",), seed=1, items=3, horizon_days=28, history_days=14)
    engine = make_engine(Settings(home=tmp_path).effective_store_url)
    upgrade(engine)
    publish(engine, record, frames)
    engine.dispose()
    return tmp_path


def run(home: Path, *arguments: str) -> str:
    done = CliRunner().invoke(app, [*arguments, "--home", str(home)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def stock_file(home: Path, on_hand: list[float]) -> Path:
    items = items_of(home)
    frame = pd.DataFrame({"store_id": "CA_1", "item_id": items, "as_of_date": "2016-05-22", "on_hand": on_hand})
    frame.to_csv(home / "stock.csv", index=False)
    return home / "stock.csv"


def items_of(home: Path) -> list[str]:
    from sqlalchemy import select

    from models_ml.prediction_store.schema import run_series
    from models_ml.prediction_store.transactions import reading

    engine = make_engine(Settings(home=home).effective_store_url)
    with reading(engine) as connection:
        found = list(connection.execute(select(run_series.c.item_id).order_by(run_series.c.item_id)).scalars())
    engine.dispose()
    return found


def test_21_2_orders_of_files(home: Path) -> None:
    """From files of stock and supply to an order list as CSV, JSON, table and Arrow: the same in each."""
    (home / "supply.csv").write_text("supplier_id,pack_size,delivery_weekdays\nNorth,6,mon thu\n")
    assert "stock of 3 items in 1 stores" in run(home, "stock", "import", str(stock_file(home, [0, 5, 900])))
    assert "1 rows of supply terms" in run(home, "supply", "import", str(home / "supply.csv"))
    rows = list(csv.DictReader(io.StringIO(run(home, "orders", "--store", "CA_1", "--format", "csv"))))
    assert [float(row["on_hand"]) for row in rows] == [0, 5, 900]  # what runs out first
    assert all(int(row["order_units"]) % 6 == 0 and row["supplier_id"] == "North" for row in rows)
    assert int(rows[0]["order_units"]) > 0 == int(rows[2]["order_units"])
    told = json.loads(run(home, "orders", "--format", "json"))
    assert [str(row["order_units"]) for row in told] == [row["order_units"] for row in rows]
    table = run(home, "orders", "--only-to-order", "--limit", "1").splitlines()
    assert len(table) == 2
    assert items_of(home)[0] in table[1]
    run(home, "orders", "--format", "arrow", "--output", str(home / "orders.arrow"))
    with pa.OSFile(str(home / "orders.arrow")) as source:
        assert pa.ipc.open_stream(source).read_all().column("why").to_pylist() == [row["why"] for row in rows]
    longer = list(csv.DictReader(io.StringIO(run(home, "orders", "--format", "csv", "--lead-time-days", "9"))))
    assert longer[0]["delivery_date"] > rows[0]["delivery_date"]


def test_21_1_a_wrong_file_stores_nothing_and_is_told_by_row(home: Path) -> None:
    run(home, "stock", "import", str(stock_file(home, [1, 2, 3])))
    before = run(home, "orders", "--format", "csv")
    stock_file(home, [1, -2, 3])
    done = demand("stock", "import", str(home / "stock.csv"), home=home)
    assert done.returncode == 2
    assert "row 2, on_hand: '-2' is not a number from 0 to 1e+09" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    for name, content, said in (
        ("a.csv", "store_id\nCA_1\n", "the column item_id is missing"),
        ("b.csv", "", "no header line"),
        ("c.parquet", "no parquet", "cannot be read"),
        ("d.txt", "", "must end in"),
        ("missing.csv", None, "does not exist"),
    ):
        if content is not None:
            (home / name).write_text(content)
        with pytest.raises(InputError, match=said):
            run(home, "stock", "import", str(home / name))
    assert run(home, "orders", "--format", "csv") == before


def test_21_2_orders_say_what_is_missing(home: Path) -> None:
    done = CliRunner().invoke(app, ["orders", "--home", str(home)], catch_exceptions=False)
    assert "3 items whose stock is not known (demand stock import)" in done.stderr
    with pytest.raises(InputError, match="'CA_9' is not served; served are CA_1"):
        run(home, "orders", "--store", "CA_9")
