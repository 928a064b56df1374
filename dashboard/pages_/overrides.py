"""Overrides: change the picked forecast, preview the effect, revoke it; the log of who changed what, and why."""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from collections.abc import Sequence

import streamlit as st
from pydantic import ValidationError

from api import schemas
from dashboard import charts, data, formats, layout, navigation, state
from dashboard.client import ApiAway, ApiRefused
from dashboard.data import Serving
from dashboard.hierarchy import LEVEL_TITLES, level_of, node_id, shown_level
from dashboard.pages_ import picks

_SAID = "override_said"
_PREVIEW = "override_preview"
_MADE = "overrides_made"
_SESSION = "override_session"
_REVOKED = "revoke_said"
_UPLOADED = "upload_said"


def render(serving: Serving) -> None:
    """Draw the page."""
    st.title("What do planners know better?", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        place = picks.pick_place(serving)
        product = picks.pick_product(serving, place)
        item = picks.pick_item(product, picks.items_of(serving, place, product))
    state.write_address("place", "product", "item")
    layout.unavailable_picks()
    level = shown_level(level_of(place, product, item)[0], serving.levels)
    title = " › ".join([place.title, product.title, *([f"item {item}"] if item else [])])
    st.caption(f"**{title}** · level {level} of 12, {LEVEL_TITLES[level].lower()}")
    node = node_id(place, product, item)
    try:
        page = data.node_now(place, product, item)
    except ApiRefused as refused:
        if refused.status != 404:
            raise
        layout.empty("This pick is not served.", "Pick another store, department or item.")
        return
    days = page.nodes[0].days
    previewed = st.session_state.get(_PREVIEW)
    preview = previewed[1] if previewed and previewed[0] == node else None
    step = formats.step(page.run.step_days)
    _picture(days, preview, title, step)
    _form(node, days, step, preview)
    _upload()
    listed = data.overrides(None)
    _ledger(listed, node, step)
    _revoke([one for one in listed.overrides if one.revoked_at is None], step)
    with st.container(horizontal=True, vertical_alignment="center"):
        navigation.link("explore", "This pick in Explore", {"place": place.text, "product": product.text})
        layout.share()


def _picture(
    days: Sequence[schemas.ForecastDay], preview: schemas.OverridePreview | None, title: str, step: str
) -> None:
    shade = layout.colours()
    changed = {day.date: day.changed for day in preview.days} if preview else {}
    rows = [
        {
            "date": charts.at(day.date),
            "day": charts.day_text(day.date),
            "model": day.mean,
            "final": day.final,
            "changed": changed.get(day.date, day.final) if preview else None,
            "tip_model": formats.units(day.mean),
            "tip_final": formats.units(day.final),
            "tip_changed": formats.units(changed.get(day.date, day.final)),
        }
        for day in days
    ]
    entries: list[layout.LegendEntry] = [("model", "dash", shade.last_year), ("final", "line", shade.forecast)]
    if preview:
        entries.append(("with this override", "line", shade.baseline))
    layout.legend(entries)
    layout.chart(
        charts.model_and_final(rows, colours=shade, changed=preview is not None, step=step),
        alt=f"Units a {step} of {title}: the model's forecast and the final after overrides.",
        key="override_picture",
    )
    model, final = sum(day.mean for day in days), sum(day.final for day in days)
    text = f"{formats.units(model)} units in {len(days)} {step}s by the model, {formats.units(final)} after overrides"
    if preview:
        after = final + sum(day.changed - day.final for day in preview.days)
        text += f", {formats.units(after)} with this one ({preview.series} items in stores)"
    st.caption(text + ".")
    layout.table(
        [
            {"date": day.date, "model": day.mean, "final": day.final}
            | ({"with_this_override": changed.get(day.date, day.final)} if preview else {})
            for day in days
        ],
        name="model_and_final",
        columns={
            "date": st.column_config.DateColumn(charts.DATE_TITLES[step], format="ddd D MMM YYYY"),
            "model": st.column_config.NumberColumn("Model (units)", format="%.2f"),
            "final": st.column_config.NumberColumn("Final (units)", format="%.2f"),
            "with_this_override": st.column_config.NumberColumn("With this override (units)", format="%.2f"),
        },
        title=f"Model and final by {step}, as a table",
    )


def _form(node: str, days: Sequence[schemas.ForecastDay], step: str, preview: schemas.OverridePreview | None) -> None:
    st.header("Change this forecast", anchor=False)
    st.caption(
        "All items below change in proportion, so all levels still add up. The model's forecast is kept. Overrides "
        "apply in the order in which they were made, and can be revoked."
        + ("" if step == "day" else " A week is changed if its first day is within the days below.")
    )
    kinds = {"percent": "Percent more or less", "absolute": f"Units a {step}"}
    first, last = days[0].date, days[-1].date
    # After an override the controls get new keys and are empty, so that a second click does nothing.
    made_before = st.session_state.setdefault(_MADE, 0)

    def key(name: str) -> str:
        return f"override_{name}_{made_before}"

    with st.form("override", border=True):
        with st.container(horizontal=True):
            kind = st.selectbox("Change", list(kinds), format_func=kinds.__getitem__, width=210, key=key("kind"))
            value = st.number_input(
                f"By percent, or to units a {step}", value=0.0, step=1.0, format="%.2f", width=230, key=key("value")
            )
            begin = st.date_input("First day", first, min_value=first, max_value=last, width=150, key=key("first"))
            week = min(first + dt.timedelta(days=6), last)
            end = st.date_input("Last day", week, min_value=first, width=150, key=key("last"))
        with st.container(horizontal=True):
            reason = st.text_input("Why", max_chars=1000, width=420, key=key("reason"))
            author = st.text_input("Your name", max_chars=100, width=200, key=key("author"))
        with st.container(horizontal=True):
            look = st.form_submit_button("Preview", icon=":material/visibility:")
            make = st.form_submit_button("Make this override", type="primary", icon=":material/check:")
    _answer_place(_SAID)
    if preview is not None and preview.overlaps:
        layout.note(_overlap(preview), tone="warning")
    if not (look or make):
        return
    given = {
        "node_id": node,
        "kind": kind,
        "value": value,
        "valid_from": begin,
        "valid_to": end,
        "reason": reason or ("preview" if look else ""),
        "author": author or None,
    }
    if make and not reason.strip():
        st.session_state[_SAID] = ("Explain under “Why” what you know that the model does not.", "warning")
    elif kind == "percent" and value == 0:
        st.session_state[_SAID] = ("A change of 0 % changes nothing. Give a percentage above or below 0.", "warning")
    else:
        try:
            asked = schemas.OverrideRequest.model_validate(given)
            if look:
                st.session_state[_PREVIEW] = (node, data.client().preview_override(asked))
            else:
                _make(asked, made_before)
        except ValidationError as error:
            names = {"value": "the change", "valid_from": "the first day", "valid_to": "the last day"}
            field = str((error.errors()[0]["loc"] or ("valid_to",))[0])
            st.session_state[_SAID] = (f"Check {names.get(field, 'the days')}: {error.errors()[0]['msg']}.", "warning")
        except (ApiRefused, ApiAway) as refused:
            st.session_state[_SAID] = (str(refused), "warning")
    st.rerun()


def _make(asked: schemas.OverrideRequest, made_before: int) -> None:
    """Create an override; sending the same form twice creates only one."""
    session = st.session_state.setdefault(_SESSION, uuid.uuid4().hex)
    content = hashlib.sha256(asked.model_dump_json().encode()).hexdigest()[:16]
    made = data.client().make_override(asked, f"{session}-{made_before}-{content}")
    st.session_state.pop(_PREVIEW, None)
    st.session_state[_MADE] = made_before + 1
    st.session_state[_SAID] = (f"Override {made.override_id} is in force. {made.warning or ''}".strip(), "good")


def _upload() -> None:
    """Make the overrides of a CSV: all of them, or none. The same file makes nothing twice."""
    with st.expander("Many at once: upload a CSV"):
        st.caption(
            f"A line an override, with the columns {', '.join(schemas.OverrideRequest.model_fields)}. "
            "All are made, or none; what is wrong is told by row."
        )
        given = st.file_uploader("CSV of overrides", type="csv", key="overrides_file")
        content = given.getvalue() if given is not None else b""
        lines = max(0, len(content.decode("utf-8", "replace").strip().splitlines()) - 1)
        make = st.button(
            f"Make {formats.count(lines)} override{'' if lines == 1 else 's'}", disabled=not lines, key="overrides_make"
        )
    _answer_place(_UPLOADED)
    if not make:
        return
    try:
        made = data.client().make_overrides(content, f"file-{hashlib.sha256(content).hexdigest()}")
        text = f"{formats.count(len(made.overrides))} overrides are in force. {made.warning or ''}"
        st.session_state[_UPLOADED] = (text.strip(), "warning" if made.warning else "good")
        st.session_state.pop(_PREVIEW, None)
    except (ApiRefused, ApiAway) as refused:
        st.session_state[_UPLOADED] = (str(refused), "warning")
    st.rerun()


def _overlap(preview: schemas.OverridePreview) -> str:
    """Which overrides overlap this one, and their combined change of the forecast."""
    changed = formats.change(sum(day.changed for day in preview.days), sum(day.mean for day in preview.days))
    numbers = ", ".join(str(number) for number in preview.overlaps)
    together = f" Together they change the model's forecast by {formats.percent(changed, signed=True)}."
    return f"This overlaps override {numbers}.{together if changed is not None else ''}"


def _answer_place(name: str) -> None:
    """The result of the last click, beside its form."""
    said = st.session_state.pop(name, None)
    if said:
        layout.note(said[0], tone=said[1])
        st.toast(said[0])


def _what(one: schemas.Override, step: str) -> str:
    return f"{one.value:+g} %" if one.kind == "percent" else f"{formats.units(one.value)} units a {step}"


def _ledger(listed: schemas.OverridePage, node: str, step: str) -> None:
    st.header("Who changed what", anchor=False)
    if not listed.overrides:
        layout.empty("No forecast has been overridden yet.", "Overrides are listed here permanently.")
        return
    here = sum(one.node_id == node and one.revoked_at is None for one in listed.overrides)
    st.caption(
        f"{formats.count(listed.total)} overrides, {here} of them in force on exactly this pick. Overrides are never "
        f"deleted."
    )
    worth = listed.measured
    if worth is not None and worth.value_added is not None:
        st.metric(
            "Forecast value added, all overrides measured",
            f"{worth.value_added:+.1%}",
            help="Reduction of the forecast error at overridden nodes, on days with known sales. Below zero, the model "
            "alone was better. Overlapping overrides share one result.",
        )
        st.caption(
            f"{formats.units(worth.model_error)} units of absolute error by the model, "
            f"{formats.units(worth.final_error)} after overrides; {worth.days} {step}s up to "
            f"{charts.day_text(worth.last_day)}."
        )
    layout.table(
        [
            {
                "id": one.override_id,
                "state": "in force" if one.revoked_at is None else "revoked",
                "node": one.node_id,
                "change": _what(one, step),
                "value_added": one.measured.value_added if one.measured else None,
                "days_measured": one.measured.days if one.measured else None,
                "first_day": one.valid_from,
                "last_day": one.valid_to,
                "reason": one.reason,
                "author": one.author,
                "made": one.created_at,
                "revoked_by": one.revoked_by,
                "revoked_because": one.revoked_reason,
            }
            for one in listed.overrides
        ],
        name="overrides",
        title="All overrides, newest first",
        opened=True,
        columns={
            "id": st.column_config.NumberColumn("No.", format="%d"),
            "state": "State",
            "node": "What for",
            "change": "Change",
            "value_added": st.column_config.NumberColumn(
                "Value added",
                format="percent",
                help="Empty until `demand monitor` has the sales of the overridden days.",
            ),
            "days_measured": st.column_config.NumberColumn(f"{step.capitalize()}s measured", format="%d"),
            "first_day": st.column_config.DateColumn("First day", format="D MMM YYYY"),
            "last_day": st.column_config.DateColumn("Last day", format="D MMM YYYY"),
            "reason": "Why",
            "author": "By",
            "made": st.column_config.DatetimeColumn("Made (UTC)", format="D MMM YYYY, HH:mm", timezone="UTC"),
            "revoked_by": "Revoked by",
            "revoked_because": "Revoked because",
        },
    )


def _revoke(in_force: Sequence[schemas.Override], step: str) -> None:
    _answer_place(_REVOKED)
    if not in_force:
        return
    by_id = {one.override_id: one for one in in_force}
    with st.expander("Revoke an override"), st.form("revoke", border=False, clear_on_submit=True):
        with st.container(horizontal=True):
            chosen = st.selectbox(
                "Override",
                list(by_id),
                format_func=lambda number: f"{number}: {by_id[number].node_id}, {_what(by_id[number], step)}",
                width=420,
            )
            author = st.text_input("Your name", max_chars=100, width=200, key="revoke_author")
        reason = st.text_input("Why", max_chars=1000, key="revoke_reason")
        done = st.form_submit_button("Revoke it", icon=":material/undo:")
    if not done:
        return
    try:
        asked = schemas.RevokeRequest.model_validate({"reason": reason, "author": author or None})
        data.client().revoke_override(chosen, asked)
        st.session_state.pop(_PREVIEW, None)
        st.session_state[_REVOKED] = (f"Override {chosen} is revoked.", "good")
    except ValidationError:
        st.session_state[_REVOKED] = ("Give a reason for revoking it.", "warning")
    except (ApiRefused, ApiAway) as refused:
        st.session_state[_REVOKED] = (str(refused), "warning")
    st.rerun()
