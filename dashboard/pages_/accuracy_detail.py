"""The accuracy page's details: errors by lead time, by node and by item."""

from __future__ import annotations

import streamlit as st

from api import schemas
from dashboard import charts, data, formats, layout, navigation, outlook, state
from dashboard.data import Serving
from dashboard.hierarchy import LEVEL_TITLES, Place, Product
from dashboard.pages_ import picks
from models_ml.hierarchy.levels import node_label

LEAD_LEVELS = ("5", "1", "3", "9", "12")
NODE_LEVELS = ("5", "3", "9")
MOST_NODES = 20
ROW_PIXELS = 36


def by_lead(serving: Serving, accuracy: schemas.Accuracy) -> None:
    """Error by lead time."""
    shade = layout.colours()
    st.header("Does it get worse further ahead?", anchor=False)
    levels = outlook.levels_of(LEAD_LEVELS, serving.levels)
    level = int(state.toggle("At level", "lead_level", levels, show=lambda text: LEVEL_TITLES[int(text)]))
    found = [one for one in data.lead_errors(serving.run_key, accuracy.run.run_id, level).leads if one.wape is not None]
    if not found:
        layout.empty("This run has no errors by lead day.", "The next `demand run` records them.")
        return
    step = formats.step(accuracy.run.step_days)
    st.caption(f"Average error of a {step} in percent of sales (WAPE), by {step}s ahead.")
    model, baseline = accuracy.run.model, outlook.baseline_of(accuracy)
    hues = charts.model_hues(model, baseline, sorted({one.model for one in found} - {model, baseline}), shade)
    layout.legend([(formats.model(name), "line" if name == model else "dash", hue) for name, hue in hues])
    layout.chart(
        charts.lines_by_model(
            [
                {
                    "x": str(formats.steps_ahead(one.lead_days, accuracy.run.step_days)),
                    "model": one.model,
                    "value": one.wape,
                    "ours": one.model == model,
                    "tip_value": formats.miss(one.wape, digits=1),
                }
                for one in found
            ],
            hues=hues,
            colours=shade,
            x_title=f"{step}s ahead",
            unit="WAPE",
            number_format=".0%",
            from_zero=True,
        ),
        alt=f"Average error by {step}s ahead at level {LEVEL_TITLES[level]}, of each model.",
        key="accuracy_leads",
    )
    layout.table(
        [
            {
                f"{step}s_ahead": formats.steps_ahead(one.lead_days, accuracy.run.step_days),
                "model": one.model,
                "wape": one.wape,
                "bias": one.bias,
            }
            for one in found
        ],
        name=f"accuracy_by_{step}s_ahead",
        columns={
            f"{step}s_ahead": f"{step.capitalize()}s ahead",
            "model": "Model",
            "wape": st.column_config.NumberColumn("WAPE", format="percent"),
            "bias": st.column_config.NumberColumn("Bias", format="percent"),
        },
    )


def by_node(serving: Serving, accuracy: schemas.Accuracy) -> None:
    """Errors of single stores and departments, worst first."""
    shade = layout.colours()
    levels = outlook.levels_of(NODE_LEVELS, serving.levels)
    if levels == [outlook.EVERYTHING]:
        return  # one store and one department: the cards already show it
    st.header("Where is it good, and where not?", anchor=False)
    level = int(state.toggle("Compare", "by", levels, show=lambda text: f"{LEVEL_TITLES[int(text)]}s"))
    nodes = [
        one for one in data.node_errors(serving.run_key, accuracy.run.run_id, level).nodes if one.rmsse is not None
    ]
    if not nodes:
        layout.empty("This run has no errors of single nodes.", "The next `demand run` records them.")
        return
    biased = [node_label(one.node_id) for one in nodes if outlook.is_biased(one)]
    st.caption(
        "RMSSE, worst first: error relative to a forecast that repeats "
        f"{'yesterday' if accuracy.run.step_days == 1 else 'last week'}. "
        "A tracking signal beyond ±4 means a systematic bias."
    )
    if biased:
        layout.note(f"Systematically too high or too low: {', '.join(biased)}.", tone="warning")
    shown = nodes if len(nodes) <= MOST_NODES else [*nodes[: MOST_NODES // 2], *nodes[-MOST_NODES // 2 :]]
    if len(shown) < len(nodes):
        st.caption(f"The {MOST_NODES // 2} worst and the {MOST_NODES // 2} best of {len(nodes)}; the table lists all.")
    layout.legend([("our forecast", "dot", shade.forecast), ("last week repeated", "diamond", shade.baseline)])
    layout.chart(
        charts.dumbbell(
            [
                {
                    "name": node_label(one.node_id),
                    "ours": one.rmsse,
                    "baseline": one.baseline_rmsse,
                    "tip_ours": formats.score(one.rmsse),
                    "tip_baseline": formats.score(one.baseline_rmsse),
                    "tip_change": formats.percent(formats.change(one.rmsse, one.baseline_rmsse), signed=True),
                }
                for one in shown
            ],
            colours=shade,
            unit="RMSSE",
        ),
        alt=f"RMSSE of our forecast and of repeating last week, by {LEVEL_TITLES[level].lower()}, worst first.",
        key="accuracy_nodes",
        lead=lambda name: _lead(next(one for one in nodes if node_label(one.node_id) == name)),
    )
    layout.table(
        [
            {
                "name": node_label(one.node_id),
                "rmsse": one.rmsse,
                "last_week_repeated": one.baseline_rmsse,
                "wape": one.wape,
                "bias": one.bias,
                "tracking_signal": one.tracking_signal,
                "units_sold": one.actual_units,
            }
            for one in nodes
        ],
        name=f"accuracy_by_{LEVEL_TITLES[level].lower().replace(' × ', '_')}",
        lead=lambda row: _lead(nodes[row]),
        columns={
            "name": LEVEL_TITLES[level],
            "rmsse": st.column_config.NumberColumn("RMSSE", format="%.3f"),
            "last_week_repeated": st.column_config.NumberColumn("Last week repeated", format="%.3f"),
            "wape": st.column_config.NumberColumn("WAPE", format="percent"),
            "bias": st.column_config.NumberColumn("Bias", format="percent"),
            "tracking_signal": st.column_config.NumberColumn("Tracking signal", format="%.1f"),
            "units_sold": st.column_config.NumberColumn("Sold (units)", format="%.0f"),
        },
    )


def _lead(node: schemas.NodeError) -> None:
    """Show a node in Explore."""
    place = Place("store", node.store_id) if node.store_id else Place("region", node.region_id or "")
    product = Product("department", node.department_id or "")
    if not product.name:
        product = Product("category", node.category_id or "")
    wanted = {
        "place": place.text if place.name else Place().text,
        "product": product.text if product.name else Product().text,
    }
    navigation.lead("explore", {**wanted, "item": picks.NO_ITEM})


def by_item(serving: Serving, accuracy: schemas.Accuracy) -> None:
    """The items with the largest errors."""
    served = [store.store_id for store in serving.status.stores if store.run_id == accuracy.run.run_id]
    items = [one for one in data.worst_items(serving.run_key, served[0] if len(served) == 1 else None) if one.backtest]
    st.header("The items with the largest errors", anchor=False)
    if not items:
        layout.empty("This run has no errors of items.", "The next `demand run` records them.")
        return
    st.caption("By RMSSE on the newest test. Click one to see it in Explore.")
    layout.table(
        [
            {
                "item": one.item_id,
                "store": one.store_id,
                "rmsse": one.backtest.rmsse,
                "wape": one.backtest.wape,
                "bias": one.backtest.bias,
                "forecast": one.backtest.forecast_units,
                "sold": one.backtest.actual_units,
                "kind": one.demand_class,
            }
            for one in items
            if one.backtest
        ],
        name="items_missed_most",
        title=f"The {len(items)} items with the largest errors",
        opened=True,
        height=ROW_PIXELS * (len(items) + 1),
        lead=lambda row: navigation.lead("explore", picks.of_series(items[row])),
        columns={
            "item": "Item",
            "store": "Store",
            "rmsse": st.column_config.NumberColumn("RMSSE", format="%.2f"),
            "wape": st.column_config.NumberColumn("WAPE (error over sales)", format="%.2f"),
            "bias": st.column_config.NumberColumn("Bias", format="percent"),
            "forecast": st.column_config.NumberColumn("Forecast (units)", format="%.0f"),
            "sold": st.column_config.NumberColumn("Sold (units)", format="%.0f"),
            "kind": "Demand",
        },
    )
