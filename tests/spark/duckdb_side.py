"""Raw tables and marts on DuckDB, for Spark's to be compared with: run by the main environment, which has it all."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from models_ml.sources.m5.ingest import ingest
from tests.dbt_project.project import Home, write_raw_files

FIRST_DAYS = 517
"""Days of sales of the first warehouse: up to a Thursday, which is no day of the weekly grid."""


def main(folder: Path) -> None:
    """Make two warehouses in `folder`, each built whole: `first` and, three days and some corrections on, `later`."""
    raw = folder / "raw"
    write_raw_files(raw)
    sales = pd.read_csv(raw / "sales_train_evaluation.csv")
    shorter = sales.iloc[:, : list(sales.columns).index("d_1") + FIRST_DAYS]
    shorter.to_csv(raw / "sales_train_evaluation.csv", index=False)
    build(folder / "first", raw)

    sales.loc[5, "d_301"] += 7
    prices = pd.read_csv(raw / "sell_prices.csv")
    own = (prices["store_id"] == sales.at[6, "store_id"]) & (prices["item_id"] == sales.at[6, "item_id"])
    weeks = sorted(prices["wm_yr_wk"].unique())
    prices.loc[own & prices["wm_yr_wk"].isin([weeks[50], weeks[-1]]), "sell_price"] += 0.5
    sales.to_csv(raw / "sales_train_evaluation.csv", index=False)
    prices.to_csv(raw / "sell_prices.csv", index=False)
    build(folder / "later", raw)


def build(folder: Path, raw: Path) -> None:
    """Load the raw files into a new warehouse, and build its marts."""
    folder.mkdir()
    home = Home(folder, raw)
    ingest(raw, home.warehouse, memory_limit_gb=2.0)
    done = home.dbt("build", "--selector", "warehouse", "--exclude-resource-type", "test", "unit_test")
    if done.returncode != 0:
        sys.exit(done.stdout + done.stderr)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
