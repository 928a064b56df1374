"""Orders: what runs out first, what to order, and what planners decide about it."""

from __future__ import annotations

import hashlib
import io
import uuid
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from api import schemas
from dashboard import data, formats, layout, navigation, state
from dashboard.client import ApiAway, ApiRefused, Parameter
from dashboard.data import Serving
from dashboard.layout import Card

MOST_ROWS = 200
AS_STORED = "stored"
SERVICE_LEVELS = ("0.8", "0.9", "0.95", "0.975", "0.99")
EXPORTED = ("store_id", "item_id", "supplier_id", "order_units", "order_date", "run_id")
"""Columns of the order list of a store."""

DECISIONS = {"": "", "accepted": "accept", "rejected": "reject"}
_SAID = "orders_said"
_SENT = "stock_sent"
_WRITTEN = "decisions_written"
_SESSION = "orders_session"


def render(serving: Serving) -> None:
    """Draw the page."""
    st.title("What runs out first, and what to order?", anchor=False)
    known = data.client().stock_state()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        store = _pick("Store", "place", "store", [one.store_id for one in serving.stores])
        department = _pick("Department", "product", "department", [one.department_id for one in serving.departments])
        supplier = _pick_supplier(known)
        lead_time = _pick_lead_time()
        service = state.choose(
            "Service level",
            "service",
            (AS_STORED, *SERVICE_LEVELS),
            show=lambda text: "As stored" if text == AS_STORED else formats.percent(float(text), digits=1),
            help_text="Probability that stock lasts until the order after next has arrived.",
            width=150,
            tell_missing=False,
        )
    state.write_address("place", "product", "supplier", "lead", "service")
    layout.unavailable_picks()
    _upload(serving, store, known)
    _say()
    if not known.stores:
        layout.empty(
            "The stock of no store is known yet.",
            "Upload a CSV of stock on hand above. `demand stock import` and the API take it too.",
        )
        return
    asked: dict[str, Parameter] = {
        "store_id": store,
        "department_id": department,
        "supplier_id": supplier,
        "lead_time_days": lead_time,
        "service_level": None if service == AS_STORED else float(service),
    }
    page = data.client().orders({**asked, "limit": MOST_ROWS})
    rows = page.orders
    if not rows:
        layout.empty("There is no proposal for this pick.", _missing(page))
        return
    layout.cards(_cards(page, rows))
    st.header("What runs out first", anchor=False)
    _table(page, rows, lead_time, asked["service_level"])
    _downloads([one.store_id for one in known.stores if store in (None, one.store_id)], asked)
    with st.container(horizontal=True, vertical_alignment="center"):
        navigation.link("overrides", "Change the forecast behind it")
        layout.share()


def _pick(label: str, name: str, kind: str, ids: Sequence[str]) -> str | None:
    """One store or department, or none for all; proposals are not made for regions and categories."""
    if len(ids) == 1:
        return ids[0]
    chosen = state.choose(
        label,
        name,
        ["all", *(f"{kind}:{one}" for one in ids)],
        show=lambda text: f"All {kind}s" if text == "all" else text.partition(":")[2],
        width=180,
        tell_missing=False,
    )
    return None if chosen == "all" else chosen.partition(":")[2]


def _pick_supplier(known: schemas.StockState) -> str | None:
    if not known.suppliers:
        return None
    chosen = state.choose(
        "Supplier",
        "supplier",
        ["all", *known.suppliers],
        show=lambda text: "All suppliers" if text == "all" else text,
        width=180,
        tell_missing=False,
    )
    return None if chosen == "all" else chosen


def _pick_lead_time() -> int | None:
    """Days of lead time to ask with; none: those stored."""
    linked = state.picked("lead")
    days = st.number_input(
        "Lead time, days",
        min_value=0,
        max_value=56,
        value=int(linked) if linked and linked.isdigit() and int(linked) <= 56 else None,
        step=1,
        placeholder="As stored",
        width=150,
        key="orders_lead",
        help="What if every order took so many days? Empty: as stored for the item.",
    )
    state.remember("lead", None if days is None else str(days))
    return days


def _missing(page: schemas.OrderPage) -> str:
    """Why items have no proposal."""
    parts = []
    if page.without_stock:
        parts.append(f"The stock of {formats.count(page.without_stock)} items is not known.")
    if page.beyond_forecast:
        parts.append(
            f"Of {formats.count(page.beyond_forecast)} items the forecast ends before the delivery after the next one."
        )
    return " ".join(parts)


def _upload(serving: Serving, store: str | None, known: schemas.StockState) -> None:
    """Take a CSV of stock, once, as soon as it is there."""
    own = next((one for one in known.stores if one.store_id == store), None)
    told = (
        f"The stock of {formats.count(own.items)} items of {store} is known, as of {formats.day(own.last_as_of)}."
        if own
        else f"The stock of {len(known.stores)} of {len(serving.stores)} stores is known."
    )
    with st.expander(f"Stock on hand: upload a CSV. {told}", expanded=own is None and store is not None):
        given = st.file_uploader(
            "CSV with item_id and on_hand; also store_id, as_of_date, on_order and arrival_date",
            type="csv",
            key="stock_file",
            help="Without store_id the rows are of the store picked above; without as_of_date, as of the last day of "
            "sales behind the forecast.",
        )
    if given is None:
        return
    content = given.getvalue()
    sent = hashlib.sha256(content + (store or "").encode()).hexdigest()
    if st.session_state.get(_SENT) == sent:
        return
    st.session_state[_SENT] = sent
    try:
        stored = data.client().put_stock(_completed(content, serving, store))
        text = f"The stock of {formats.count(stored.rows)} rows is stored."
        if stored.not_forecast:
            text += f" {formats.count(stored.not_forecast)} items are not forecast there and have no proposal."
        st.session_state[_SAID] = (text, "warning" if stored.not_forecast else "good")
    except (ApiRefused, ApiAway, ValueError) as refused:
        st.session_state[_SAID] = (str(refused), "warning")
    st.rerun()


def _completed(content: bytes, serving: Serving, store: str | None) -> bytes:
    """The CSV with the store and the day, where it has neither.

    Raises:
        ValueError: it is no CSV, or names no store and none is picked.
    """
    try:
        frame = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (ValueError, pd.errors.ParserError) as error:
        raise ValueError(f"The file is not a CSV in UTF-8: {error}.") from None
    frame.columns = frame.columns.str.strip()
    if "store_id" not in frame:
        if store is None:
            raise ValueError("The file has no column store_id. Pick a store above, or add the column.")
        frame.insert(0, "store_id", store)
    if "as_of_date" not in frame:
        frame["as_of_date"] = str(serving.origin)
    return frame.to_csv(index=False).encode()


def _cards(page: schemas.OrderPage, rows: Sequence[schemas.OrderProposal]) -> list[Card]:
    late = [one for one in rows if one.stockout_date is not None and one.stockout_date < one.delivery_date]
    first = rows[0]
    soonest = (
        f"{first.item_id} in {first.store_id}, on {formats.day(first.stockout_date)}."
        if first.stockout_date is not None
        else "Nothing here runs out within the forecast."
    )
    at_least = "at least " if len(rows) == MOST_ROWS and len(late) == len(rows) else ""
    return [
        Card(
            "What runs out before an order arrives?",
            f"{at_least}{formats.count(len(late))} items",
            f"{formats.units(sum(one.expected_short for one in late))} units are expected to be short of them.",
            f"First: {soonest}",
            tone="bad" if late else "good",
        ),
        Card(
            "What to order?",
            f"{formats.count(page.to_order)} items",
            f"of {formats.count(page.total)} whose stock is known.",
            f"Worth {formats.short_units(page.order_value)}." if page.order_value else "",
        ),
        Card(
            "What is not known?",
            f"{formats.count(page.without_stock + page.beyond_forecast)} items" if _missing(page) else "Nothing",
            _missing(page) or "Every item has a proposal.",
        ),
    ]


def _table(
    page: schemas.OrderPage, rows: Sequence[schemas.OrderProposal], lead_time: int | None, service: Parameter
) -> None:
    """The proposals, each to be accepted, changed or rejected."""
    if page.total > len(rows):
        st.caption(f"The first {len(rows)} of {formats.count(page.total)}; the order list below has all.")
    written = st.session_state.setdefault(_WRITTEN, 0)
    frame = pd.DataFrame(
        [
            {
                "decide": DECISIONS[""],
                "item_id": one.item_id,
                "store_id": one.store_id,
                "days_until_stockout": one.days_until_stockout,
                "order_units": one.order_units,
                "supplier_id": one.supplier_id,
                "order_date": one.order_date,
                "delivery_date": one.delivery_date,
                "on_hand": one.on_hand,
                "on_order": one.on_order,
                "expected_short": one.expected_short,
                "order_value": one.order_value,
                "decided": _decided(one),
                "why": one.why,
            }
            for one in rows
        ]
    )
    number, day = st.column_config.NumberColumn, st.column_config.DateColumn
    edited = st.data_editor(
        frame,
        hide_index=True,
        key=f"orders_{written}_{hashlib.sha256(frame.to_csv().encode()).hexdigest()[:12]}",
        disabled=[str(name) for name in frame if name not in ("decide", "order_units")],
        height=420,
        placeholder=formats.NO_VALUE,
        column_config={
            "decide": st.column_config.SelectboxColumn("Decide", options=list(DECISIONS.values()), width="small"),
            "item_id": "Item",
            "store_id": "Store",
            "days_until_stockout": number("Runs out in days", format="%.1f"),
            "order_units": number(
                "Order (units)", min_value=0, step=1, format="%d", help="Change it to order another quantity."
            ),
            "supplier_id": "Supplier",
            "order_date": day("Order on", format="D MMM YYYY"),
            "delivery_date": day("Arrives", format="D MMM YYYY"),
            "on_hand": number("On hand", format="%.0f"),
            "on_order": number("On order", format="%.0f"),
            "expected_short": number("Short before it arrives", format="%.1f"),
            "order_value": number("Value", format="%.2f"),
            "decided": "Decided",
            "why": st.column_config.TextColumn("Why", width="large"),
        },
    )
    changes = _changes(rows, edited)
    everything = [
        {"store_id": one.store_id, "item_id": one.item_id, "decision": "accepted", "units": one.order_units}
        for one in rows
        if one.order_units > 0
    ]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        author = st.text_input("Your name", max_chars=100, width=200, key="orders_author")
        some = st.button(
            f"Write {len(changes)} decision{'' if len(changes) == 1 else 's'}",
            type="primary",
            disabled=not changes,
            icon=":material/check:",
        )
        all_of_them = st.button(f"Accept all {len(everything)} shown", disabled=not everything)
    if some or all_of_them:
        _decide(changes if some else everything, author, lead_time, service, written)


def _decided(one: schemas.OrderProposal) -> str | None:
    return None if one.decision is None else f"{one.decision}: {one.decided_units} by {one.decided_by}"


def _changes(rows: Sequence[schemas.OrderProposal], edited: pd.DataFrame) -> list[dict[str, Any]]:
    """What the reader decided in the table; a changed quantity is a decision by itself."""
    words = {word: name for name, word in DECISIONS.items()}
    found = []
    for one, word, units in zip(rows, edited["decide"], edited["order_units"], strict=True):
        decision = words.get(word or "", "")
        if decision != "rejected" and not pd.isna(units) and int(units) != one.order_units:
            decision = "changed"
        if decision:
            given = None if decision == "rejected" else int(units)
            found.append({"store_id": one.store_id, "item_id": one.item_id, "decision": decision, "units": given})
    return found


def _decide(
    rows: Sequence[Mapping[str, Any]], author: str, lead_time: int | None, service: Parameter, written: int
) -> None:
    """Write decisions; the same ones sent twice are written once."""
    try:
        asked = schemas.DecisionsRequest.model_validate(
            {
                "decisions": list(rows),
                "author": author.strip() or None,
                "lead_time_days": lead_time,
                "service_level": service,
            }
        )
        session = st.session_state.setdefault(_SESSION, uuid.uuid4().hex)
        content = hashlib.sha256(asked.model_dump_json().encode()).hexdigest()[:16]
        done = data.client().decide(asked, f"{session}-{written}-{content}").decisions
        st.session_state[_WRITTEN] = written + 1
        kinds = {name: sum(one.decision == name for one in done) for name in ("accepted", "changed", "rejected")}
        text = ", ".join(f"{count} {name}" for name, count in kinds.items() if count)
        st.session_state[_SAID] = (f"{text}. What is accepted or changed counts as on order.", "good")
    except (ApiRefused, ApiAway) as refused:
        st.session_state[_SAID] = (str(refused), "warning")
    st.rerun()


def _say() -> None:
    said = st.session_state.pop(_SAID, None)
    if said:
        layout.note(said[0], tone=said[1])
        st.toast(said[0])


def _downloads(stores: Sequence[str], asked: Mapping[str, Parameter]) -> None:
    """One order list a store, made when it is asked for."""

    client = data.client()

    def order_list(store: str) -> bytes:
        table = client.order_table({**asked, "store_id": store, "only_to_order": True})
        return formats.csv(table.select(list(EXPORTED)).to_pandas()).encode()

    with st.container(horizontal=True):
        for store in stores:
            st.download_button(
                f"Order list of {store} (CSV)",
                partial(order_list, store),
                file_name=f"orders_{store}.csv",
                mime="text/csv",
                key=f"orders_csv_{store}",
                on_click="ignore",
                icon=":material/download:",
            )
