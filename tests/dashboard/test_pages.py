"""The pages' logic through Streamlit's AppTest, against the real API."""

from __future__ import annotations

import datetime as dt
import html
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from api import schemas
from dashboard import charts, data, formats, outlook
from dashboard.client import ApiClient
from dashboard.pages_ import alarms
from tests.dashboard import published_store
from tests.dashboard.conftest import Server, api_server, free_port

SCRIPT = """
from dashboard import data, layout, state
from dashboard.pages_ import {page}
state.adopt_address("{page}")
layout.provenance(data.serving())
{page}.render(data.serving())
"""


def show(page: str, **address: str) -> AppTest:
    """The page after its first run, opened at an address."""
    test = AppTest.from_string(SCRIPT.format(page=page), default_timeout=60)
    for name, value in address.items():
        test.query_params[name] = value
    test.run()
    assert not test.exception
    return test


def words(test: AppTest) -> str:
    """All text of our own blocks and Streamlit's, without tags."""
    blocks = [block.proto.body for block in test.get("html")]
    blocks += [element.value for element in (*test.title, *test.header, *test.subheader, *test.caption)]
    text = re.sub(r"<style>.*?</style>|<[^>]+>", " ", " ".join(blocks), flags=re.DOTALL)
    return re.sub(r"[ \n]+", " ", html.unescape(text))


@pytest.mark.usefixtures("served")
def test_overview_answers_the_three_questions() -> None:
    said = words(show("overview", place="store:CA_1", product="department:FOODS_3"))
    assert "What will sell 23–29 May 2016?" in said
    assert "How certain is it?" in said
    assert "How accurate was the last forecast? Yes:" in said
    assert "Sales known to 22 May 2016" in said


def test_overview_shows_the_units_that_the_api_serves(client: ApiClient) -> None:
    page = client.nodes({"level": 9, "node_id": "store_department:CA_1|FOODS_3"})
    week = sum(day.final for day in page.nodes[0].days[:7])
    month = page.nodes[0].final_units
    test = show("overview", place="store:CA_1", product="department:FOODS_3")
    assert f"{week:,.0f}".replace(",", "\u202f") + " units" in words(test)
    test.segmented_control[0].set_value("28").run()
    assert f"{month:,.0f}".replace(",", "\u202f") + " units" in words(test)
    assert test.query_params["days"] == "28"


@pytest.mark.usefixtures("served")
def test_a_pick_is_written_into_the_address_and_the_first_option_is_not() -> None:
    test = show("overview")
    assert dict(test.query_params) == {}
    test.selectbox[0].set_value("store:TX_1").run()
    assert dict(test.query_params) == {"place": "store:TX_1"}
    test.selectbox[0].set_value("all").run()
    assert dict(test.query_params) == {}


@pytest.mark.usefixtures("served")
def test_an_address_with_an_unknown_store_falls_back_and_says_so() -> None:
    test = show("overview", place="store:MOON_1")
    assert test.selectbox[0].value == "all"
    assert "“store:MOON_1”, which is not served;" in words(test)


@pytest.mark.usefixtures("served")
def test_a_link_to_an_item_opens_it_with_its_price_and_the_picks_below_it() -> None:
    test = show("explore", place="store:CA_1", product="department:FOODS_3", item="FOODS_3_002")
    assert [box.value for box in test.selectbox][:3] == ["store:CA_1", "department:FOODS_3", "FOODS_3_002"]
    said = words(test)
    assert "level 12 of 12" in said
    assert "Price" in said
    assert "What moves the forecast of FOODS_3 in CA_1?" in said
    assert "The item's own causes may point the other way" in said
    assert len(test.get("vega_lite_chart")) == 3  # units, price and causes


def test_21_07_the_causes_lead_from_past_sales_to_the_forecast(
    client: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[list[charts.Row]] = []
    draw = charts.waterfall

    def kept(rows: list[charts.Row], *, colours: charts.Palette, unit: str) -> charts.Spec:
        drawn.append(rows)
        return draw(rows, colours=colours, unit=unit)

    monkeypatch.setattr(charts, "waterfall", kept)
    asked = {"place": "store:CA_1", "product": "department:FOODS_3"}
    [node] = client.nodes({"node_id": "store_department:CA_1|FOODS_3", "history_days": 364}).nodes
    for begin, back in (("last", 28), ("year", 364)):
        show("explore", **asked, why_from=begin)
        rows = drawn[-1]
        first = dt.date(2016, 5, 23) - dt.timedelta(days=back)
        sold = sum(day.units for day in node.history if first <= day.date < first + dt.timedelta(days=28))
        assert rows[0]["end"] == pytest.approx(sold)
        assert [row["start"] for row in rows[1:-1]] == pytest.approx([row["end"] for row in rows[:-2]])
        assert rows[-1]["end"] == pytest.approx(sum(day.final for day in node.days), rel=0.01)


@pytest.mark.usefixtures("served")
def test_an_item_over_all_stores_has_no_range_and_says_why() -> None:
    said = words(show("explore", product="department:FOODS_3", item="FOODS_3_002"))
    assert "level 10 of 12" in said
    assert "No range here" in said
    assert "What moves this forecast?" not in said


def test_inventory_says_where_the_value_lies_and_what_to_order(client: ApiClient) -> None:
    departments = client.inventory_departments().departments
    whole = sum(one.stock_value for one in departments)
    said = words(show("inventory"))
    assert f"What is the stock worth? {formats.short_units(whole)}" in said
    assert "Pick a store and a department" in said
    asked = {"store_id": "CA_1", "item_id": "FOODS_3_002"}
    policy = client.inventory(asked).policy
    test = show("inventory", place="store:CA_1", product="department:FOODS_3", item="FOODS_3_002")
    assert f"How many FOODS_3_002 to order? {policy.order_up_to} units" in words(test)
    assert "Can it wait for the next review? No" in words(test)
    on_hand = next(box for box in test.number_input if box.label == "Stock on hand")
    on_hand.set_value(policy.reorder_point + 1).run()
    assert f"to order? {policy.order_up_to - policy.reorder_point - 1} units" in words(test)
    assert "Can it wait for the next review? Yes" in words(test)


@pytest.mark.usefixtures("served")
def test_the_item_list_waits_for_a_department() -> None:
    test = show("explore", place="store:CA_1")
    waiting = next(box for box in test.selectbox if box.label == "Item")
    assert waiting.disabled
    test.selectbox[1].set_value("department:HOBBIES_1").run()
    item = next(box for box in test.selectbox if box.label == "Item")
    assert not item.disabled
    assert len(item.options) == 1 + published_store.ITEMS_A_DEPARTMENT


def test_items_are_best_sellers_first(client: ApiClient) -> None:
    listed = client.items({"store_id": "CA_1", "department_id": "FOODS_1", "sort": "volume"}).items
    test = show("explore", place="store:CA_1", product="department:FOODS_1")
    item = next(box for box in test.selectbox if box.label == "Item")
    assert item.options[1:] == [series.item_id for series in listed]


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("measure", ["wrmsse", "wape", "coverage_95", "coverage_95_week", "coverage_95_horizon"])
def test_accuracy_shows_every_measure_by_level(measure: str) -> None:
    test = show("accuracy", measure=measure)
    table = test.dataframe[0].value
    assert len(table) == 13
    assert table["ours"].notna().all()
    assert table["last_week_repeated"].isna().all() == measure.startswith("coverage_95")


def test_accuracy_tells_departments_items_and_days_ahead(client: ApiClient) -> None:
    run = client.status().runs[0].run_id
    test = show("accuracy", by="9", lead_level="1")
    tables = {tuple(frame.value.columns): frame.value for frame in test.dataframe}
    nodes = next(table for names, table in tables.items() if "tracking_signal" in names)
    told = client.node_errors(run, 9).nodes
    assert list(nodes["name"]) == [node.node_id.partition(":")[2].replace("|", " ") for node in told]
    assert list(nodes["rmsse"]) == sorted(nodes["rmsse"], reverse=True)
    leads = next(table for names, table in tables.items() if "days_ahead" in names)
    assert len(leads) == 2 * published_store.HORIZON_DAYS
    items = next(table for names, table in tables.items() if "item" in names)
    assert list(items["rmsse"]) == sorted(items["rmsse"], reverse=True)
    added = test.dataframe[0].value
    expected = 1 - added["ours"] / added["last_week_repeated"]
    assert list(added["forecast_value_added"]) == pytest.approx(list(expected))
    assert dict(test.query_params) == {"by": "9", "lead_level": "1"}


@pytest.mark.usefixtures("served")
def test_runs_lists_every_run_with_its_state_and_compares_two() -> None:
    test = show("runs")
    ledger = test.dataframe[0].value
    assert sorted(ledger["state"]) == sorted(["● served", "○ published", "○ published", "✕ failed"])
    challenger = ledger.loc[ledger["role"] == "challenger", "run"].iloc[0]
    test.selectbox[1].set_value(challenger).run()
    changed = test.dataframe[1].value.set_index("what")
    assert list(changed.loc["model"]) == ["middle_out", "moving_average"]
    assert "parameter threads" not in changed.index  # equal in both
    assert test.query_params["b"] == challenger


@pytest.mark.usefixtures("served")
def test_quality_lists_what_did_not_pass() -> None:
    test = show("quality")
    assert "Yes, with warnings" in words(test)
    failed = test.dataframe[0].value
    assert list(failed["outcome"]) == ["▲ warning"]
    assert failed["observed"].iloc[0].startswith("3 rows above")
    test.selectbox[0].set_value("raw").run()
    assert "All listed checks passed." in words(test)


@pytest.mark.usefixtures("served")
def test_monitoring_alarms_are_told_and_their_weeks_listed() -> None:
    alarm = "FOODS_1: the spread of mean sales per item differs from the year before, in 3 of the last 4 weeks."
    assert alarm in words(show("overview"))
    test = show("quality")
    assert alarm in words(test)
    weeks = test.dataframe[-1].value
    assert list(weeks["outcome"]) == ["▲ out of bounds"] * 3 + ["✓ good"]
    assert set(weeks["value"]) == {0.4, 0.1}


@pytest.mark.usefixtures("served")
def test_every_control_has_a_label() -> None:
    for page in ("overview", "explore", "inventory", "accuracy", "runs", "quality"):
        test = show(page)
        controls = [*test.selectbox, *test.segmented_control, *test.button_group, *test.button]
        assert all(control.label for control in controls), page


def app(monkeypatch: pytest.MonkeyPatch, url: str) -> AppTest:
    """The whole application, pointed at an address."""
    data.forget()
    monkeypatch.setenv("DEMAND_API_URL", url)
    data.get_settings.cache_clear()
    test = AppTest.from_file(str(Path(data.__file__).with_name("app.py")), default_timeout=60)
    test.run()
    return test


@pytest.mark.usefixtures("served")
def test_an_api_that_was_never_there_is_a_page_not_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    test = app(monkeypatch, f"http://127.0.0.1:{free_port()}")
    assert not test.exception
    assert test.title[0].value == "The forecast service is unavailable"
    assert "cannot be reached" in words(test)
    assert test.button[0].label == "Retry now"


@pytest.mark.usefixtures("served")
def test_while_the_api_is_away_the_last_picture_stays_and_heals(api: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    test = app(monkeypatch, api.url)
    assert test.title[0].value == "What will sell next?"
    monkeypatch.setattr(data, "STATUS_TTL_SECONDS", 0.0)
    api.stop()
    try:
        test.run()
        assert not test.exception
        said = words(test)
        assert "Service unavailable" in said
        assert "The data shown was loaded at" in said
        assert "31." in said or "units" in said  # the cards still stand
        test.selectbox[0].set_value("store:TX_2").run()
        assert not test.exception
        assert "Data that was not loaded earlier cannot be shown" in words(test)
    finally:
        api.start()
    data.look_again()
    test.run()
    assert "Service unavailable" not in words(test)
    assert test.selectbox[0].value == "store:TX_2"


@pytest.mark.usefixtures("served")
def test_an_empty_store_says_what_fills_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published_store.empty_store(published_store.store_url(tmp_path))
    server = api_server(tmp_path)
    server.start()
    try:
        test = app(monkeypatch, server.url)
    finally:
        server.stop()
    assert not test.exception
    assert test.title[0].value == "No forecast has been published yet"
    assert "demand run" in words(test)


@pytest.mark.usefixtures("served")
def test_a_fault_of_a_page_is_logged_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, api: Server, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> schemas.NodePage:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(data, "node", broken)
    test = app(monkeypatch, api.url)
    assert not test.exception
    assert "This page failed." in words(test)
    assert "secret detail" not in words(test)
    assert "secret detail" in caplog.text


def test_a_publish_is_shown_at_once_and_never_mixed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, served: str
) -> None:
    assert served
    server = api_server(tmp_path)
    publish_again: Callable[[], str] = published_store.two_runs(published_store.store_url(tmp_path))
    server.start()
    try:
        monkeypatch.setattr(data, "STATUS_TTL_SECONDS", 0.0)
        test = app(monkeypatch, server.url)
        before = words(test)
        newest = publish_again()
        assert newest not in before
        test.run()
        assert newest in words(test)
    finally:
        server.stop()


def test_what_if_shows_what_the_api_answers_and_stays_within_history(client: ApiClient) -> None:
    test = show("what_if", shop="CA_1", dept="FOODS_3", article="FOODS_3_002")
    price = next(slider for slider in test.slider if slider.label.startswith("Price"))
    assert (price.min, price.value, price.max) == (-30.0, 0.0, 20.0)
    price.set_value(-10.0).run()
    assert not test.exception
    where = {"item_id": "FOODS_3_002", "store_id": "CA_1"}
    answer = client.what_if({**where, "price_change_percent": -10})
    outcome = answer.by_elasticity
    assert outcome is not None
    said = words(test)
    assert formats.percent(outcome.units / answer.base.units - 1, signed=True, digits=1) in said
    assert "\u22122.40 to \u22121.60" in said
    assert len(test.get("vega_lite_chart")) == 2


@pytest.mark.usefixtures("served")
def test_without_prices_stock_is_told_in_units_and_no_price_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    stock, scenario = data.inventory_departments, data.what_if

    def unpriced_stock(run_key: str) -> schemas.InventoryDepartments:
        return schemas.InventoryDepartments(
            departments=[
                one.model_copy(update={"unpriced_items": one.items, "stock_value": 0.0, "safety_stock_value": 0.0})
                for one in stock(run_key).departments
            ]
        )

    def unpriced_scenario(run_key: str, asked: dict[str, object]) -> schemas.WhatIf:
        answer = scenario(run_key, asked)
        return answer.model_copy(
            update={"base": answer.base.model_copy(update={"revenue": None}), "trusted": None, "curve": []}
        )

    monkeypatch.setattr(data, "inventory_departments", unpriced_stock)
    monkeypatch.setattr(data, "what_if", unpriced_scenario)
    held = [one for one in stock("any").departments if one.store_id == "CA_1"]
    said = words(show("inventory", place="store:CA_1"))
    assert formats.short_units(sum(one.mean_stock for one in held)) + " units" in said
    safety = sum(one.order_up_to - one.expected_demand for one in held)
    assert formats.short_units(safety) + " units" in said
    assert "Stock, by department" in said
    asking = show("what_if", shop="CA_1", dept="FOODS_3")
    assert "price" not in words(asking).lower()
    assert "Revenue" not in words(asking)
    assert not [one for one in asking.segmented_control if one.label == "Prices"]
    monkeypatch.setattr(
        data, "what_if", lambda *asked: unpriced_scenario(*asked).model_copy(update={"events": [], "flags": []})
    )
    nothing = show("what_if", shop="CA_1", dept="FOODS_3")
    assert "There is nothing to change." in words(nothing)
    assert not nothing.get("vega_lite_chart")


WITHOUT_DEPARTMENTS = """
from dataclasses import replace
from dashboard import data
from dashboard.pages_ import alarms, overview
served = data.serving()
one = served.departments[0].model_copy(update={"department_id": "all", "category_id": "all"})
overview._alarms(replace(served, departments=(one,)))
"""


@pytest.mark.usefixtures("served")
def test_without_departments_a_bias_is_told_of_stores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlook, "is_biased", lambda _: True)
    monkeypatch.setattr(alarms, "MOST_NAMED", 2)
    said = words(AppTest.from_string(WITHOUT_DEPARTMENTS, default_timeout=60).run())
    told = re.findall(r"systematically too \w+ in: ([^.]*)[.]", said)
    named = [name for sentence in told for name in re.findall(r"(\w+) [(]", sentence)]
    assert named
    assert set(named) <= {"CA_1", "CA_2", "TX_1", "TX_2"}


@pytest.mark.usefixtures("served")
def test_prices_that_no_row_has_are_no_column_and_one_choice_is_no_choice() -> None:
    script = """
from dashboard import layout, state
state.adopt_address("accuracy")
layout.table([{"item": "A", "price": None}, {"item": "B", "price": None}], name="t", where_known=("price",))
assert state.toggle("At level", "lead_level", ["1"], show=str) == "1"
"""
    test = AppTest.from_string(script, default_timeout=60).run()
    assert not test.exception
    assert list(test.dataframe[0].value.columns) == ["item"]
    assert not test.segmented_control


@pytest.mark.usefixtures("served")
def test_what_if_of_a_whole_department_says_how_many_items_have_seen_the_prices() -> None:
    test = show("what_if", shop="all", dept="FOODS_1")
    assert not [box for box in test.selectbox if box.label == "Item"]
    assert "have had every price in this range" in words(test)


@pytest.mark.usefixtures("served")
def test_21_08_what_if_says_how_often_each_answer_was_right_and_keeps_the_scenario(client: ApiClient) -> None:
    moves = client.price_moves("FOODS_1", "CA_1")
    assert moves.elasticity is not None
    where = {"place": "store:CA_1", "product": "department:FOODS_1"}
    test = show("what_if", **where, price="-5", to="2016-06-01", event="Christmas", event_day="2016-05-25")
    said = words(test)
    assert f"right about {moves.elasticity.right} of {moves.elasticity.moves}" in said
    assert ("Rely on neither" in said) == (not any(one and one.relied_on for one in (moves.elasticity, moves.model)))
    assert {name: test.query_params[name] for name in ("price", "to", "event", "event_day")} == {
        "price": "-5", "to": "2016-06-01", "event": "Christmas", "event_day": "2016-05-25",
    }  # fmt: skip
    asked = {"price_change_percent": -5, "first_date": "2016-05-23", "last_date": "2016-06-01"}
    events = [{"date": "2016-05-25", "event_name": "Christmas", "on": True}]
    answer = client.what_if({"department_id": "FOODS_1", "store_id": "CA_1", **asked, "events": events})
    assert answer.by_elasticity is not None
    assert formats.units(answer.by_elasticity.units) in said


@pytest.mark.usefixtures("served")
def test_what_if_puts_events_and_promotions() -> None:
    test = show("what_if", shop="CA_1", dept="FOODS_1")
    event = next(box for box in test.selectbox if box.label == "Event")
    assert "without Memorial day" in event.options
    event.set_value("Christmas").run()
    assert not test.exception
    before = words(test)
    promotion = next(control for control in test.segmented_control if control.label == "Promotion")
    promotion.set_value("on").run()
    assert not test.exception
    assert words(test) != before


@pytest.mark.usefixtures("served")
def test_what_if_warns_of_a_model_that_sells_more_at_higher_prices() -> None:
    test = show("what_if", shop="CA_1", dept="HOBBIES_1", method="model")
    said = words(test)
    assert "The model sells more at some higher price" in said
    assert "Trust the elasticity" not in said


def test_21_09_an_override_is_previewed_made_once_seen_and_revoked(client: ApiClient) -> None:
    """Through the page's own controls; what it shows is what the API serves."""
    node = "store_department:CA_2|HOBBIES_2"

    def finals() -> list[tuple[float, float]]:
        days = client.nodes({"node_id": node}).nodes[0].days
        return [(day.mean, day.final) for day in days]

    def press(label: str) -> None:
        next(button for button in test.button if button.label == label).click().run()
        assert not test.exception

    test = show("overrides", place="store:CA_2", product="department:HOBBIES_2")
    assert all(mean == final for mean, final in finals())
    press("Make this override")
    assert "Explain under “Why”" in words(test)
    test.number_input[0].set_value(50.0)
    press("Preview")
    assert "with this one (12 items in stores)" in words(test)
    assert all(mean == final for mean, final in finals())
    test.text_input[0].set_value("a fair")
    test.text_input[1].set_value("ann")
    press("Make this override")
    assert "is in force." in words(test)
    assert (test.number_input[0].value, test.text_input[0].value) == (0.0, "")  # a second click has nothing to make
    press("Make this override")
    assert client.overrides({"node_id": node, "limit": 10}).total == 1
    test.number_input[0].set_value(10.0)
    press("Preview")
    assert "forecast by +65\u202f%." in words(test)
    assert [final for _, final in finals()[:7]] == pytest.approx([mean * 1.5 for mean, _ in finals()[:7]])
    listed = test.dataframe[1].value.iloc[0]
    assert (listed["state"], listed["node"], listed["reason"], listed["author"]) == ("in force", node, "a fair", "ann")
    next(box for box in test.text_input if box.key == "revoke_author").set_value("bob")
    next(box for box in test.text_input if box.key == "revoke_reason").set_value("rain")
    press("Revoke it")
    assert "is revoked." in words(test)
    assert all(mean == final for mean, final in finals())
    revoked = test.dataframe[1].value.iloc[0]
    assert (revoked["state"], revoked["revoked_by"], revoked["revoked_because"]) == ("revoked", "bob", "rain")


def test_orders_follow_an_override_and_say_what_the_model_says(
    client: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages opened before the override show it too."""
    monkeypatch.setattr(data, "STATUS_TTL_SECONDS", 0.0)
    picks = {"place": "store:CA_2", "product": "department:HOBBIES_1"}
    asked = {"store_id": "CA_2", "item_id": "HOBBIES_1_003"}
    before = client.inventory(asked).policy
    test = show("inventory", **picks, item="HOBBIES_1_003")
    assert "Override" not in words(test)
    assert "model_order_up_to" not in test.dataframe[0].value.columns
    made = client.make_override(
        schemas.OverrideRequest(
            node_id="item_store:HOBBIES_1_003|CA_2", kind="percent", value=80, author="ann", reason="a fair",
            valid_from=published_store.ORIGIN, valid_to=published_store.ORIGIN + timedelta(days=28),
        )
    )  # fmt: skip
    try:
        after = client.inventory(asked).policy
        assert after.order_up_to > before.order_up_to
        test = show("inventory", **picks, item="HOBBIES_1_003")
        said = words(test)
        assert f"How many HOBBIES_1_003 to order? {after.order_up_to} units" in said
        assert "Overrides move the orders of 1 of 12 items" in said
        assert f"Override {made.override_id} changed this order" in said
        assert f"forecast the level would be {before.order_up_to} (" in said
        rows = test.dataframe[0].value.set_index("item")
        assert rows.loc["HOBBIES_1_003", "overrides"] == str(made.override_id)
        assert rows.loc["HOBBIES_1_003", "model_order_up_to"] == before.order_up_to
        assert (rows["order_up_to"] != rows["model_order_up_to"]).sum() == 1
    finally:
        client.revoke_override(made.override_id, schemas.RevokeRequest(author="ann", reason="rain"))
    assert "Override" not in words(show("inventory", **picks, item="HOBBIES_1_003"))


def test_an_item_says_where_a_days_number_comes_from(client: ApiClient) -> None:
    test = show("explore", place="store:CA_1", product="department:FOODS_3", item="FOODS_3_002")
    day = published_store.ORIGIN + timedelta(days=3)
    next(box for box in test.selectbox if box.label == "Day").set_value(day).run()
    assert not test.exception
    found = client.lineage("FOODS_3_002", "CA_1", day)
    table = next(frame.value for frame in test.dataframe if list(frame.value.columns) == ["what", "value"])
    facts = dict(zip(table["what"], table["value"], strict=True))
    assert facts["Model's forecast"] == f"{found.mean:.2f} units, 3 days after the last known sales"
    assert facts["Code"] == found.git_commit
    assert facts["Data"] == found.data_fingerprint
    assert found.run.run_id in facts["Run"]
    assert {name for name in facts if name.startswith("Features:")} == {
        f"Features: {one.family.replace('_', ' ')}" for one in found.features
    }
    assert facts["Features: weekday"].endswith("boosting: same_weekday_ratio_28 (7.25); regression: weekday_5 (4.50)")
    share = formats.percent(0.3)
    assert facts["Features: price"] == f"in the item's share; items: price_to_item_mean ({share})"
