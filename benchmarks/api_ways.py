"""Three other ways to serve `GET /forecast`, which `benchmarks.api` measures beside the API."""

from __future__ import annotations

import os
import sqlite3
from typing import Any

STORE_VARIABLE = "BENCH_STORE"
SIZE_VARIABLE = "BENCH_BODY_BYTES"


def bare() -> Any:
    """The limit: an async Starlette route, a constant."""
    from starlette.applications import Starlette
    from starlette.responses import Response
    from starlette.routing import Route

    body = b"x" * int(os.environ[SIZE_VARIABLE])

    async def forecast(_request: Any) -> Response:
        return Response(body, media_type="application/json")

    return Starlette(routes=[Route("/forecast", forecast)])


def straightforward() -> Any:
    """As one writes it first: sync route, pooled SQLAlchemy, response model."""
    from fastapi import FastAPI, HTTPException
    from sqlalchemy import select

    from api.active import SELECT_ACTIVE, Active
    from api.schemas.forecast import ForecastDay, SeriesForecast
    from models_ml.prediction_store.engine import make_engine
    from models_ml.prediction_store.schema import forecasts

    engine = make_engine(f"sqlite:///{os.environ[STORE_VARIABLE]}", pool_size=40, read_only=True)
    app = FastAPI()

    @app.get("/forecast", response_model=SeriesForecast)
    def forecast(item_id: str, store_id: str) -> Any:
        with engine.connect() as connection:
            run = Active.of(connection.execute(SELECT_ACTIVE)).by_store.get(store_id)
            if run is None:
                raise HTTPException(404)
            rows = connection.execute(
                select(forecasts)
                .where(
                    forecasts.c.run_id == run.run_id,
                    forecasts.c.store_id == store_id,
                    forecasts.c.item_id == item_id,
                )
                .order_by(forecasts.c.target_date)
            ).all()
        return SeriesForecast(
            item_id=item_id,
            store_id=store_id,
            run=run.reference,
            days=[
                ForecastDay(
                    date=row.target_date,
                    mean=row.mean,
                    quantiles={"0.025": row.q_0_025, "0.5": row.q_0_5, "0.975": row.q_0_975},
                    final=row.mean,
                )
                for row in rows
            ],
        )

    return app


def seed() -> Any:
    """The seed's way: a connection per request, rows as dictionaries."""
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/forecast")
    def forecast(item_id: str, store_id: str) -> dict[str, Any]:
        connection = sqlite3.connect(os.environ[STORE_VARIABLE])
        connection.row_factory = sqlite3.Row
        try:
            rows = connection.execute(
                "select f.* from forecasts f join active_runs a on a.run_id = f.run_id and a.store_id = f.store_id "
                "where f.store_id = ? and f.item_id = ? order by f.target_date",
                (store_id, item_id),
            ).fetchall()
        finally:
            connection.close()
        return {"item_id": item_id, "store_id": store_id, "days": [dict(row) for row in rows]}

    return app
