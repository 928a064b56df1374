"""Which terms hold for which item, and what a wrong table is told."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from models_ml.errors import InputError
from models_ml.inventory.terms import checked_terms, critical_ratio, terms_of
from models_ml.settings import REPOSITORY

SEED = REPOSITORY / "dbt_project" / "seeds" / "inventory" / "inventory_terms.csv"
SERIES = pd.DataFrame(
    {
        "store_id": ["A", "A", "B", "B"],
        "department_id": ["milk", "toys", "milk", "toys"],
        "item_id": ["m1", "t1", "m1", "t2"],
    }
)
DEFAULT = {"lead_time_days": "3", "review_period_days": "7", "service_level": "0.9", "holding_cost": "0.2",
           "shortage_cost": "0.3"}  # fmt: skip


def table(*rows: dict[str, str]) -> pd.DataFrame:
    return checked_terms(pd.DataFrame([DEFAULT, *rows], dtype="string"), "terms.csv")


def test_the_most_specific_row_decides_each_term_by_itself() -> None:
    terms = table(
        {"item_id": "m1", "lead_time_days": "1"},
        {"department_id": "milk", "lead_time_days": "2", "service_level": "0.99"},
        {"store_id": "B", "service_level": "0.8", "holding_cost": "0.1"},
        {"store_id": "B", "item_id": "m1", "service_level": "0.97"},
    )
    found = terms_of(SERIES, terms)
    assert found["lead_time_days"].tolist() == [1, 3, 1, 3]
    assert found["service_level"].tolist() == [0.99, 0.9, 0.97, 0.8]
    assert found["holding_cost"].tolist() == [0.2, 0.2, 0.1, 0.1]
    assert found.index.equals(SERIES.index)


def test_a_file_outranks_the_seed_where_both_speak_of_the_same_keys() -> None:
    both = pd.concat([table(), checked_terms(pd.DataFrame([{"lead_time_days": "5"}]), "own.csv")], ignore_index=True)
    assert set(terms_of(SERIES, both)["lead_time_days"]) == {5}
    assert set(terms_of(SERIES, both)["review_period_days"]) == {7}


def test_an_empty_service_level_follows_from_the_costs() -> None:
    """Ordering once a year, a unit too many costs 0.2 and one too few 0.3: the fractile is 0.3 / 0.5."""
    terms = table({"item_id": "m1", "service_level": ""})
    assert terms_of(SERIES, terms)["service_level"].tolist()[0] == 0.9, "an empty cell leaves it to the default"
    costs = pd.DataFrame({"shortage_cost": [0.3], "holding_cost": [0.2], "review_period_days": [365]})
    assert critical_ratio(costs).tolist() == [pytest.approx(0.6)]
    without = checked_terms(pd.DataFrame([{**DEFAULT, "service_level": ""}], dtype="string"), "terms.csv")
    assert terms_of(SERIES, without)["service_level"].between(0.98, 0.999).all()


def test_the_seed_holds_for_every_item() -> None:
    terms = checked_terms(pd.read_csv(SEED, dtype="string", keep_default_na=False), str(SEED))
    assert terms_of(SERIES, terms).notna().all(axis=None)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"lead_time_days": "2.5"}, "row 2, lead_time_days: '2.5' is not a whole number"),
        ({"lead_time_days": "soon"}, "row 2, lead_time_days: 'soon' is not a whole number"),
        ({"service_level": "95"}, "row 2, service_level: '95' is not a number from 0.5 to 0.999"),
        ({"holding_cost": "-1"}, "row 2, holding_cost: '-1'"),
        ({}, "row 2: store_id any, department_id any, item_id any is given twice"),
        ({"colour": "red"}, "there is no colour"),
    ],
)
def test_a_wrong_row_is_named(row: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=r"terms\.csv") as told:
        table(row)
    assert message in str(told.value)


def test_terms_that_leave_an_item_out_are_refused() -> None:
    some = checked_terms(pd.DataFrame([{**DEFAULT, "store_id": "A"}], dtype="string"), "terms.csv")
    with pytest.raises(InputError, match="item m1 in store B"):
        terms_of(SERIES, some)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    from models_ml.inventory.value import read_on_hand

    with pytest.raises(InputError, match=r"stock\.csv: there is no such file"):
        read_on_hand(tmp_path / "stock.csv")
    (tmp_path / "stock.csv").write_text("store_id,item_id,units\nA,m1,3\nA,m1,4\n")
    with pytest.raises(InputError, match="row 2: item m1 in store A"):
        read_on_hand(tmp_path / "stock.csv")
