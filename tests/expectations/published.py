"""A small world for the tests: simulated raw files, the warehouse built from them, and a published run."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.frames import ARROW_SCHEMAS, RunFrames, empty
from models_ml.prediction_store.migrate import upgrade
from models_ml.prediction_store.publish import publish
from models_ml.prediction_store.records import RunRecord
from models_ml.settings import QUANTILE_COLUMNS, Settings
from models_ml.sources.m5.ingest import ingest
from models_ml.sources.m5.simulate import simulate
from models_ml.warehouse import dbt

STORES, ITEMS, DAYS = 2, 40, 800
HORIZON = 28
RUN_ID = "run_of_the_tests"


def build_world(home: Path) -> Settings:
    """Raw files in `home/raw`, marts, and a published run: trailing means with made-up quantiles."""
    settings = Settings(home=home)
    simulate(home / "raw", stores=STORES, items=ITEMS, days=DAYS)
    ingest(home / "raw", settings.warehouse_path)
    engine = make_engine(settings.effective_store_url)
    upgrade(engine)
    # Models and seeds; their tests have their own folder.
    dbt.run(settings, ["build", "--selector", "warehouse", "--exclude-resource-type", "test", "unit_test"])
    publish(engine, *trailing_mean_run(settings))
    engine.dispose()
    return settings


def trailing_mean_run(settings: Settings) -> tuple[RunRecord, RunFrames]:
    """A run that forecasts each series at its mean of the last 28 days; all levels add up."""
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as warehouse:
        origin = warehouse.execute("select max(date) from core.fct_daily_sales").fetchone()[0]  # type: ignore[index]
        quantiles = ", ".join(f"mean * {0.1 * (k + 2)} as {name}" for k, name in enumerate(QUANTILE_COLUMNS))
        ahead = (
            f"select cast(date '{origin}' as date) + cast(lead as integer) as target_date "
            f"from range(1, {HORIZON + 1}) as leads(lead)"
        )
        means = f"""
            select item_id, store_id, sum(units) / 28 as mean, sum(units) as units_last_28
            from core.fct_daily_sales where date > date '{origin}' - 28 group by all
        """
        nodes = f"""
            select node_id, sum(units) / 28 as mean
            from core.fct_node_sales where date > date '{origin}' - 28 group by all
        """
        queries = {
            "run_series": f"""
                select store_id, item_id, department_id, category_id, region_id, 2.5 as price, units_last_28,
                    'smooth' as demand_class, launch_date
                from core.dim_series inner join ({means}) using (item_id, store_id)
            """,
            "inventory_policy": f"""
                select *, order_up_to - expected_demand as safety_stock,
                    coalesce(order_up_to * 10 / nullif(expected_demand, 0), 0) as days_of_cover,
                    order_up_to / 2 as mean_stock
                from (
                    select item_id, store_id, 3 as lead_time_days, 7 as review_period_days, 0.95 as service_level,
                        0.2 as holding_cost, 0.4 as shortage_cost, 10 * mean as expected_demand, 0.1 * mean as
                        expected_short, cast(ceil(3 * mean) as integer) as reorder_point,
                        cast(ceil(15 * mean) as integer) as order_up_to
                    from ({means})
                )
            """,
            "run_nodes": "select * from core.dim_nodes",
            "forecasts": f"""
                select item_id, store_id, target_date, mean, {quantiles} from ({means}) cross join ({ahead})
            """,
            "node_forecasts": f"select node_id, target_date, mean, {quantiles} from ({nodes}) cross join ({ahead})",
            "sales_history": f"""
                select store_id, item_id, date, units, price
                from core.fct_daily_sales where date > date '{origin}' - 56
            """,
            "node_history": f"select node_id, date, units from core.fct_node_sales where date > date '{origin}' - 56",
            "calendar_days": f"""
                select date, weekday_name, event_name_1 as event_name
                from core.dim_calendar where date > date '{origin}' - 56
            """,
            "calendar_region_flags": f"""
                select date, region_id, regional_flag from core.fct_regional_flags
                where date > date '{origin}' - 56 and region_id in (select region_id from core.dim_stores)
            """,
        }
        frames = {name: _frame(warehouse, name, query) for name, query in queries.items()}
        stores = tuple(
            row[0] for row in warehouse.execute("select store_id from core.dim_stores order by 1").fetchall()
        )
    models, values = ["trailing_mean", "seasonal_naive"], [0.8, 1.0]
    frames["run_metrics"] = pa.table(
        {
            "fold": [origin - timedelta(days=HORIZON)] * 2,
            "model": models,
            "level": [0, 0],
            "metric": ["wrmsse"] * 2,
            "value": values,
        }
    ).cast(ARROW_SCHEMAS["run_metrics"])
    record = RunRecord(
        run_id=RUN_ID,
        model="trailing_mean",
        version="1",
        origin=origin,
        horizon_days=HORIZON,
        scope=stores,
        role="champion",
        git_commit="0" * 40,
        data_fingerprint="simulated",
        parameters={},
        metrics={},
    )
    return record, RunFrames(**{name: frames.get(name, empty(name)) for name in ARROW_SCHEMAS})


def _frame(warehouse: duckdb.DuckDBPyConnection, name: str, query: str) -> pa.Table:
    schema = ARROW_SCHEMAS[name]
    return warehouse.execute(query).to_arrow_table().select(schema.names).cast(schema)
