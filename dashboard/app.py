"""Entry point of the dashboard: the pages, and the states shown in place of a page."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from dashboard import data, layout, navigation, state
from dashboard.client import ApiAway
from dashboard.pages_ import accuracy, explore, inventory, orders, overrides, overview, picks, quality, runs, what_if
from models_ml.errors import DemandError

LOOK_AGAIN_AWAY_SECONDS = 4
LOOK_AGAIN_SECONDS = 30

# A local file, because Streamlit would fetch its own icon from the internet.
ICON = Path(__file__).parent / "icon.svg"

_log = logging.getLogger(__name__)
_Render = Callable[[data.Serving], None]

# Path, title, icon and renderer of each page, in the order of the navigation; the first is at `/`.
PAGES: tuple[tuple[str, str, str, _Render], ...] = (
    ("overview", "Overview", ":material/trending_up:", overview.render),
    ("explore", "Explore", ":material/account_tree:", explore.render),
    ("what_if", "What-if", ":material/alt_route:", what_if.render),
    ("overrides", "Overrides", ":material/edit_note:", overrides.render),
    ("orders", "Orders", ":material/local_shipping:", orders.render),
    ("inventory", "Inventory", ":material/inventory_2:", inventory.render),
    ("accuracy", "Accuracy", ":material/target:", accuracy.render),
    ("runs", "Runs", ":material/history:", runs.render),
    ("quality", "Data quality", ":material/verified:", quality.render),
)


def main() -> None:
    """One run of the script: choose the page, show which run is served, draw the page."""
    st.set_page_config(page_title="Demand forecast", page_icon=str(ICON), layout="wide")
    pages = {
        path: st.Page(_shown(render), title=title, url_path=path, icon=icon, default=path == "overview")
        for path, title, icon, render in PAGES
    }
    page = st.navigation(list(pages.values()), position="top")
    navigation.register(pages)
    layout.style()
    here = page.url_path or "overview"
    navigation.follow(here)
    state.adopt_address(here)
    page.run()


def _shown(render: _Render) -> Callable[[], None]:
    def show() -> None:
        _show(render)

    return show


def _show(render: _Render) -> None:
    """Draw a page, or the state shown in its place; the user never sees a traceback."""
    try:
        serving = data.serving()
    except ApiAway as away:
        layout.away(str(away))
        _look_again(LOOK_AGAIN_AWAY_SECONDS, None)
        return
    except DemandError as refused:
        st.title("The forecast service rejects this dashboard", anchor=False)
        layout.empty(str(refused), "Ask whoever runs the forecast service.")
        return
    layout.provenance(serving)
    try:
        if serving.stores:
            picks.find_item(serving)
            render(serving)
        else:
            layout.nothing_published()
    except ApiAway as away:
        layout.empty(str(away), "Data that was not loaded earlier cannot be shown. This page retries automatically.")
    except DemandError as error:
        layout.empty("This view cannot be shown.", str(error))
    except Exception:
        _log.exception("A page failed")
        layout.empty("This page failed.", "The error is in the dashboard's log; the other pages still work.")
    seconds = LOOK_AGAIN_AWAY_SECONDS if serving.away else LOOK_AGAIN_SECONDS
    _look_again(seconds, None if serving.away else serving.run_key)


def _look_again(seconds: int, shown: str | None) -> None:
    """Poll the API and redraw the page when the served run changes."""

    @st.fragment(run_every=seconds)
    def look() -> None:
        try:
            now = data.serving()
        except DemandError:
            return
        if (None if now.away else now.run_key) != shown:
            st.rerun()

    look()


main()
