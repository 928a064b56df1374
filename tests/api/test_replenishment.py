"""Stock, supply, order proposals and decisions through the API."""

from __future__ import annotations

import csv
import hashlib
import io
import math
from datetime import date, timedelta
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from api import schemas

from .conftest import ORIGIN, POLICY_DAYS, WITHOUT_POLICY, MakeClient, World, assert_problem, pages_of

FIRST = ORIGIN + timedelta(days=1)
ARROW = "application/vnd.apache.arrow.stream"
ORDERS = "/inventory/orders"
DECISIONS = f"{ORDERS}/decisions"
MILK, BREAD = ("CA_1", "FOODS_1_001"), ("CA_1", "FOODS_1_002")


def row(key: tuple[str, str] = MILK, **changes: Any) -> dict[str, Any]:
    return {"store_id": key[0], "item_id": key[1], "as_of_date": str(ORIGIN), "on_hand": 3.0, **changes}


def put_stock(client: httpx.Client, *rows: dict[str, Any]) -> None:
    answer = client.put("/stock", json={"stock": list(rows)})
    assert answer.status_code == 200, answer.text


def put_supply(client: httpx.Client, *rows: dict[str, Any]) -> None:
    answer = client.put("/supply", json={"supply": list(rows)})
    assert answer.status_code == 200, answer.text


def order_of(client: httpx.Client, key: tuple[str, str] = MILK, **parameters: Any) -> dict[str, Any]:
    orders = client.get(ORDERS, params={"store_id": key[0], **parameters}).json()["orders"]
    found: dict[str, Any] = next(one for one in orders if one["item_id"] == key[1])
    return found


def decide(client: httpx.Client, *rows: dict[str, Any], **changes: Any) -> httpx.Response:
    return client.post(DECISIONS, json={"decisions": list(rows), "author": "ann", **changes})


def test_21_2_the_proposal_is_the_policy_where_nothing_else_is_known(world: World) -> None:
    """Without supply an order fills up to the policy's order-up-to level, as `/inventory` says."""
    put_stock(world.client, *(row(key) for key in (MILK, BREAD)))
    for key in (MILK, BREAD):
        found = schemas.OrderProposal.model_validate(order_of(world.client, key))
        told = world.client.get("/inventory", params={"store_id": key[0], "item_id": key[1], "on_hand": 3}).json()
        assert found.order_units == told["order"]["order_units"] > 0
        assert found.stock_target == told["policy"]["order_up_to"]
        assert found.expected_demand == pytest.approx(told["policy"]["expected_demand"])
        assert found.safety_stock == pytest.approx(told["policy"]["safety_stock"])
        assert (found.order_date, found.next_delivery_date) == (FIRST, FIRST + timedelta(days=POLICY_DAYS))
        assert found.delivery_date == FIRST + timedelta(days=found.lead_time_days)
        assert found.order_value == pytest.approx(found.order_units * (found.price or math.nan))


def test_21_2_days_to_the_stock_out_follow_the_forecast(world: World) -> None:
    put_stock(world.client, row(on_order=4.0, arrival_date=str(FIRST + timedelta(days=1))))
    found = order_of(world.client)
    forecasts = world.published.forecasts
    own = forecasts[(forecasts["store_id"] == MILK[0]) & (forecasts["item_id"] == MILK[1])].sort_values("target_date")
    left, days = 3.0, 0.0
    for number, mean in enumerate(own["mean"]):
        left += 4.0 if number == 1 else 0.0
        if mean > left:
            days = number + left / mean
            break
        left -= mean
    assert found["days_until_stockout"] == pytest.approx(days)
    assert found["stockout_date"] == str(FIRST + timedelta(days=int(days)))


def test_21_2_packs_minimum_delivery_days_and_the_most_specific_row(world: World) -> None:
    put_stock(world.client, *(row(key) for key in (MILK, BREAD)))
    plain = order_of(world.client)
    put_supply(
        world.client,
        {"supplier_id": "South", "pack_size": 6},
        {"department_id": "FOODS_1", "supplier_id": "North", "lead_time_days": 2, "delivery_weekdays": "mon fri"},
        {"store_id": "CA_1", "item_id": MILK[1], "minimum_order": 500},
    )
    milk, bread = (order_of(world.client, key) for key in (MILK, BREAD))
    assert milk["order_units"] == 504  # 84 packs of 6
    assert bread["order_units"] % 6 == 0
    assert bread["order_units"] - bread["needed_units"] < 6
    assert {milk["supplier_id"], bread["supplier_id"]} == {"North"}
    # 2016-05-23 is a Monday; an order arrives in two days at the earliest, so on Friday, and the next one on Monday
    assert (bread["order_date"], bread["delivery_date"]) == ("2016-05-23", "2016-05-27")
    assert bread["next_delivery_date"] == "2016-05-30"
    assert milk["expected_demand"] < plain["expected_demand"]
    assert "at least 500" in milk["why"]
    only = world.client.get(ORDERS, params={"supplier_id": "South"}).json()
    assert (only["total"], only["without_stock"]) == (0, 4)


def test_21_2_the_shelf_life_limits_an_order(world: World) -> None:
    put_stock(world.client, row(on_hand=0.0))
    whole = order_of(world.client)
    put_supply(world.client, {"shelf_life_days": 2})
    short = order_of(world.client)
    forecasts = world.published.forecasts
    own = forecasts[(forecasts["store_id"] == MILK[0]) & (forecasts["item_id"] == MILK[1])].sort_values("target_date")
    assert (
        short["order_units"] == math.floor(own["mean"].head(whole["lead_time_days"] + 2).sum()) < whole["order_units"]
    )
    assert short["shelf_life_limits"]
    assert "shelf life" in short["why"]


def test_21_2_what_if_needs_no_change_of_what_is_stored(world: World) -> None:
    put_stock(world.client, row())
    plain = order_of(world.client)
    longer = order_of(world.client, lead_time_days=9)
    surer = order_of(world.client, service_level=0.999)
    assert longer["delivery_date"] == str(FIRST + timedelta(days=9))
    assert longer["order_units"] > plain["order_units"] < surer["order_units"]
    assert longer["expected_short"] > plain["expected_short"]
    assert order_of(world.client) == plain


def test_21_2_an_override_moves_the_proposal(world: World) -> None:
    put_stock(world.client, row())
    before = order_of(world.client)
    override = {"node_id": "store:CA_1", "kind": "percent", "value": 80, "valid_from": str(FIRST),
                "valid_to": str(FIRST + timedelta(days=27)), "reason": "a fair", "author": "ann"}  # fmt: skip
    made = world.client.post("/overrides", json=override).json()["override_id"]
    after = order_of(world.client)
    assert after["expected_demand"] == pytest.approx(1.8 * before["expected_demand"])
    assert after["order_units"] > before["order_units"]
    assert after["days_until_stockout"] < before["days_until_stockout"]
    world.client.post(f"/overrides/{made}/revoke", json={"reason": "no fair", "author": "ann"})
    assert order_of(world.client) == before


def test_21_1_stock_is_stored_whole_or_not_at_all_and_told_by_row(world: World) -> None:
    put_stock(world.client, row())
    before = world.client.get(ORDERS).json()
    lines = ["store_id,item_id,as_of_date,on_hand,on_order,arrival_date"]
    lines += ["CA_1,FOODS_1_001,2016-05-22,7,,", "CA_1,FOODS_1_002,22.5.2016,-1,,", "CA_2,FOODS_1_002,2016-05-22,4,3,"]
    lines += ["CA_1,FOODS_1_001,2016-05-22,8,2,2016-05-24", ",FOODS_1_001,2016-05-22,x,,"]
    refused = world.client.put("/stock", content="\n".join(lines), headers={"Content-Type": "text/csv"})
    problem = assert_problem(refused, 422, "invalid-request")
    assert {one["field"] for one in problem["errors"]} == {
        "stock.1.as_of_date", "stock.1.on_hand", "stock.2.arrival_date", "stock.3.on_hand", "stock.4.store_id",
        "stock.4.on_hand",
    }  # fmt: skip
    assert "row 2, as_of_date: '22.5.2016' is not a date; write it as YYYY-MM-DD" in problem["detail"]
    assert world.client.get(ORDERS).json() == before


def test_21_1_csv_json_and_arrow_store_the_same_and_again_nothing_new(world: World) -> None:
    rows = [row(on_order=5.0, arrival_date="2016-05-25"), row(on_order=6.0, arrival_date="2016-05-27"),
            row(BREAD), row(("CA_1", "GONE"))]  # fmt: skip
    frame = pd.DataFrame(rows)
    typed = frame.assign(**{name: pd.to_datetime(frame[name]).dt.date for name in ("as_of_date", "arrival_date")})
    table = pa.Table.from_pandas(typed, preserve_index=False)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    bodies: list[dict[str, Any]] = [
        {"json": {"stock": rows}},
        {"content": frame.to_csv(index=False), "headers": {"Content-Type": "text/csv"}},
        {"content": sink.getvalue(), "headers": {"Content-Type": ARROW}},
    ]
    answers = []
    for body in bodies:
        put_stock(world.client, row(on_hand=99.0), row(BREAD, on_hand=99.0))
        for _ in range(2):
            stored = world.client.put("/stock", **body)
            assert stored.json() == {"rows": 4, "not_forecast": 1}, stored.text
        answers.append(world.client.get(ORDERS).json()["orders"])
    assert answers[0] == answers[1] == answers[2]
    assert [one["on_order"] for one in answers[0] if one["item_id"] == MILK[1]] == [11.0]
    state = schemas.StockState.model_validate_json(world.client.get("/stock").content)
    assert [(one.store_id, one.items, one.last_as_of, one.origin) for one in state.stores] == [
        ("CA_1", 3, ORIGIN, ORIGIN)
    ]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"", "header"),
        (b"store_id,item_id\nCA_1,X", "as_of_date is missing"),
        (b"store_id,item_id,as_of_date,on_hand,size\n", "no column 'size'"),
        (b"store_id,item_id,as_of_date,on_hand\nCA_1,X,2016-05-22", "row 1, row: it has 3 values"),
        (b"\xff\xfe", "not a CSV in UTF-8"),
    ],
)
def test_21_1_a_table_that_cannot_be_read_is_refused_in_words(client: httpx.Client, body: bytes, named: str) -> None:
    answer = client.put("/stock", content=body, headers={"Content-Type": "text/csv"})
    assert named in assert_problem(answer, 422, "invalid-request")["detail"]


def test_21_1_what_is_no_arrow_stream_is_refused(client: httpx.Client) -> None:
    answer = client.put("/supply", content=b"store_id", headers={"Content-Type": ARROW})
    assert "Arrow" in assert_problem(answer, 422, "invalid-request")["detail"]


def test_21_1_supply_is_replaced_whole_and_read_back(world: World) -> None:
    header = "store_id,department_id,item_id,supplier_id,lead_time_days,order_weekdays,delivery_weekdays,pack_size"
    text = f'{header}\n,,,South,3,,,\n,FOODS_1,,,,Monday,"Tue, Fri",12\n'
    assert world.client.put("/supply", content=text, headers={"Content-Type": "text/csv"}).json() == {"rows": 2}
    rows = pages_of(world.client, "/supply", "supply", limit=1)
    assert [(one["department_id"], one["supplier_id"], one["delivery_weekdays"], one["pack_size"]) for one in rows] == [
        ("", "South", None, None), ("FOODS_1", None, "tue fri", 12),
    ]  # fmt: skip
    assert world.client.get("/stock").json()["suppliers"] == ["South"]
    wrong = {"supply": [{"lead_time_days": 3}, {"lead_time_days": 4}]}
    problem = assert_problem(world.client.put("/supply", json=wrong), 422, "invalid-request")
    assert problem["errors"][0]["message"] == "these keys are given twice"
    assert len(pages_of(world.client, "/supply", "supply")) == 2
    put_supply(world.client)
    assert world.client.get("/supply").json()["supply"] == []


def test_21_2_formats_agree_and_pages_are_the_whole(world: World) -> None:
    put_supply(world.client, {"supplier_id": "=cmd()"})
    keys = world.published.series[["store_id", "item_id"]].itertuples(index=False, name=None)
    put_stock(world.client, *(row(key, on_hand=float(number)) for number, key in enumerate(keys)))
    whole = world.client.get(ORDERS).json()
    assert whole["beyond_forecast"] == 1  # WITHOUT_POLICY
    assert WITHOUT_POLICY not in {one["item_id"] for one in whole["orders"]}
    assert pages_of(world.client, ORDERS, "orders", limit=2) == whole["orders"]
    out = [one["days_until_stockout"] for one in whole["orders"]]
    known = [one for one in out if one is not None]
    assert out == sorted(known) + [None] * (len(out) - len(known))
    packed = world.client.get(ORDERS, headers={"Accept": ARROW})
    table = pa.ipc.open_stream(packed.content).read_all()
    assert [{**one, **{k: str(v) for k, v in one.items() if isinstance(v, date)}} for one in table.to_pylist()] == [
        {**one} for one in whole["orders"]
    ]
    text = world.client.get(ORDERS, headers={"Accept": "text/csv"}, params={"limit": 3}).text
    lines = list(csv.DictReader(io.StringIO(text)))
    assert [line["item_id"] for line in lines] == [one["item_id"] for one in whole["orders"][:3]]
    assert {line["supplier_id"] for line in lines} == {"'=cmd()"}
    again = world.client.get(ORDERS, headers={"Accept": ARROW, "If-None-Match": packed.headers["etag"]})
    assert again.status_code == 304
    some = world.client.get(ORDERS, params={"only_to_order": True, "sort": "value"}).json()["orders"]
    values = [one["order_value"] for one in some]
    assert values == sorted(values, reverse=True)
    assert min(one["order_units"] for one in some) > 0


def test_21_2_a_cursor_of_other_stock_is_refused(world: World) -> None:
    put_stock(world.client, row(), row(BREAD))
    cursor = world.client.get(ORDERS, params={"limit": 1}).json()["next_cursor"]
    put_stock(world.client, row(on_hand=4.0))
    assert_problem(world.client.get(ORDERS, params={"limit": 1, "cursor": cursor}), 409, "unusable-cursor")


def test_21_2_an_accepted_order_counts_as_on_order_until_the_stock_knows_it(world: World) -> None:
    put_stock(world.client, row(), row(BREAD))
    proposed = order_of(world.client)
    one = {"store_id": MILK[0], "item_id": MILK[1], "decision": "accepted", "units": proposed["order_units"]}
    written = decide(world.client, one)
    assert written.status_code == 201, written.text
    after = order_of(world.client)
    assert (after["order_units"], after["accepted_units"]) == (0, proposed["order_units"])
    assert (after["decision"], after["decided_units"], after["decided_by"]) == (
        "accepted", proposed["order_units"], "ann",
    )  # fmt: skip
    # what was seen is no longer what is proposed: nothing is ordered twice by a second click
    problem = assert_problem(decide(world.client, one), 422, "invalid-request")
    assert "0 units are proposed by now" in problem["detail"]
    put_stock(world.client, row(as_of_date=str(FIRST), on_order=5.0, arrival_date="2016-05-26"))
    known = order_of(world.client)
    assert (known["accepted_units"], known["on_order"], known["decision"]) == (0, 5.0, None)


def test_21_2_the_last_decision_counts_and_none_is_lost(world: World) -> None:
    put_stock(world.client, row(), row(BREAD))
    key = {"store_id": MILK[0], "item_id": MILK[1]}
    bread = {"store_id": BREAD[0], "item_id": BREAD[1], "decision": "accepted"}
    decide(world.client, {**key, "decision": "changed", "units": 7}, bread)
    assert order_of(world.client)["accepted_units"] == 7
    decide(world.client, {**key, "decision": "rejected"})
    rejected = order_of(world.client)
    assert (rejected["accepted_units"], rejected["decision"]) == (0, "rejected")
    assert rejected["order_units"] > 0
    rows = pages_of(world.client, DECISIONS, "decisions", limit=1)
    assert [(one["decision"], one["units"], one["replaced_by"]) for one in rows][::2] == [
        ("changed", 7, rows[2]["decision_id"]), ("rejected", 0, None),
    ]  # fmt: skip
    text = world.client.get(DECISIONS, params={"status": "to_order"}, headers={"Accept": "text/csv"}).text
    lines = list(csv.DictReader(io.StringIO(text)))
    assert [(line["item_id"], line["decision"]) for line in lines] == [(BREAD[1], "accepted")]
    assert lines[0]["run_id"] == world.published.run.run_id


def test_21_2_a_repeated_request_decides_once(world: World) -> None:
    put_stock(world.client, row())
    body = {"decisions": [{"store_id": MILK[0], "item_id": MILK[1], "decision": "accepted"}], "author": "ann"}
    headers = {"Idempotency-Key": "k1"}
    first, second = (world.client.post(DECISIONS, json=body, headers=headers) for _ in range(2))
    assert first.json() == second.json()
    assert world.client.get(DECISIONS).json()["total"] == 1
    other = {**body, "decisions": [{**body["decisions"][0], "decision": "rejected"}]}  # type: ignore[dict-item]
    assert_problem(world.client.post(DECISIONS, json=other, headers=headers), 422, "key-reused")


def test_21_2_of_wrong_decisions_none_is_written(world: World) -> None:
    put_stock(world.client, row(), row(BREAD))
    rows = [
        {"store_id": MILK[0], "item_id": MILK[1], "decision": "accepted"},
        {"store_id": MILK[0], "item_id": MILK[1], "decision": "rejected"},
        {"store_id": BREAD[0], "item_id": BREAD[1], "decision": "changed"},
        {"store_id": "CA_2", "item_id": MILK[1], "decision": "accepted"},
    ]
    problem = assert_problem(decide(world.client, *rows), 422, "invalid-request")
    assert [one["field"] for one in problem["errors"]] == [
        "decisions.1.item_id", "decisions.2.units", "decisions.3.item_id",
    ]  # fmt: skip
    assert world.client.get(DECISIONS).json()["total"] == 0


def test_21_2_readers_write_nothing(client_with: MakeClient) -> None:
    key = "a-reader"
    client = client_with(auth="on", keys_sha256=f"reader:{hashlib.sha256(key.encode()).hexdigest()}")
    client.headers["X-API-Key"] = key
    assert_problem(client.put("/stock", json={"stock": []}), 403, "forbidden")
    assert_problem(client.put("/supply", json={"supply": []}), 403, "forbidden")
    body = {"store_id": MILK[0], "item_id": MILK[1], "decision": "accepted"}
    assert_problem(decide(client, body), 403, "forbidden")
    assert "DEMAND_API_WRITERS" in decide(client, body).json()["detail"]


def test_21_2_stock_older_or_newer_than_the_forecast(world: World) -> None:
    put_stock(world.client, row(as_of_date="2016-05-01"), row(BREAD, as_of_date="2016-05-29"))
    old, new = (order_of(world.client, key) for key in (MILK, BREAD))
    assert (old["order_date"], old["as_of_date"]) == (str(FIRST), "2016-05-01")
    assert new["order_date"] == "2016-05-30"
    own = world.published.forecasts
    own = own[(own["store_id"] == BREAD[0]) & (own["item_id"] == BREAD[1])].sort_values("target_date")
    assert new["expected_demand"] == pytest.approx(np.sum(own["mean"].to_numpy()[7 : 7 + POLICY_DAYS]))
