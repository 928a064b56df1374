"""Past price moves of a department beside what the elasticities and the run's model say of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sqlalchemy import Connection, and_, func, select

from api.active import Active
from api.queries.scenario_base import KEYS, read_base
from api.schemas.scenarios import MethodCheck, PriceMoves, WhatIfRequest
from models_ml.prediction_store.schema import run_series, sales_history
from models_ml.scenarios.past_moves import Direction, price_moves


def price_moves_of(connection: Connection, active: Active, department_id: str, store_id: str | None) -> PriceMoves:
    """How many published price moves each method gives the right direction for.

    Raises:
        ApiError: those of `read_base`.
    """
    base = read_base(connection, active, WhatIfRequest(department_id=department_id, store_id=store_id))
    stores = sorted(set(base.series["store_id"]))
    sold = sales_history.join(
        run_series,
        and_(
            run_series.c.run_id == base.run.run_id,
            run_series.c.department_id == department_id,
            *(run_series.c[key] == sales_history.c[key] for key in KEYS),
        ),
    )
    known = and_(sales_history.c.store_id.in_(stores), sales_history.c.date <= base.run.origin)
    columns = [sales_history.c[name] for name in (*KEYS, "date", "units", "price")]
    keys = [sales_history.c[key] for key in KEYS]
    changing = (
        select(*keys)
        .select_from(sold)
        .where(known)
        .group_by(*keys)
        .having(func.max(sales_history.c.price) > func.min(sales_history.c.price))
        .subquery()
    )
    own = and_(*(changing.c[key] == sales_history.c[key] for key in KEYS))
    sales = pd.DataFrame(connection.execute(select(*columns).join_from(sales_history, changing, own).where(known)))
    if sales.empty:
        return PriceMoves(run=base.run.reference, department_id=department_id, store_id=store_id, moves=0)
    whole = pd.DataFrame(
        connection.execute(
            select(sales_history.c.store_id, sales_history.c.date, func.sum(sales_history.c.units).label("units"))
            .select_from(sold)
            .where(known)
            .group_by(sales_history.c.store_id, sales_history.c.date)
        )
    )
    others = whole.set_index(["store_id", "date"])["units"].sub(
        sales.groupby(["store_id", "date"])["units"].sum(), fill_value=0.0
    )
    moves = price_moves(sales, {store: others.loc[store] for store in sales["store_id"].unique()}, base.run.step_days)
    rows = pd.MultiIndex.from_frame(base.series[KEYS]).get_indexer(pd.MultiIndex.from_frame(moves[KEYS]))
    priced = rows >= 0
    moves, curves = moves[priced], base.curves.take(rows[priced])
    planned = base.series["price"].to_numpy(dtype=np.float64)[rows[priced]]
    then, usual = moves["price"].to_numpy() / planned, moves["usual"].to_numpy() / planned
    checks = {
        name: check_of(Direction.of(answer(then) / answer(usual), moves["came"].to_numpy()))
        for name, answer in (
            ("elasticity", lambda at: curves.by_elasticity(at)[0]),
            ("model", curves.by_model),
        )
    }
    return PriceMoves(
        run=base.run.reference, department_id=department_id, store_id=store_id, moves=len(moves), **checks
    )


def check_of(found: Direction) -> MethodCheck | None:
    """None of a method that answers for no move."""
    if not found.moves:
        return None
    return MethodCheck(moves=found.moves, right=found.right, share=found.right / found.moves, relied_on=found.relied_on)
