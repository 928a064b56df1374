"""Links between pages that carry picks along."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from dashboard import state

_PAGES = "pages"
_LEAD = "lead_to"


def register(pages: Mapping[str, StreamlitPage]) -> None:
    """Register the pages of this script run by path."""
    st.session_state[_PAGES] = dict(pages)


def link(path: str, label: str, picks: Mapping[str, str] | None = None) -> None:
    """A link that opens the page at `path` with the given picks."""
    page = st.session_state.get(_PAGES, {}).get(path)
    if page is not None:
        st.page_link(page, label=label, icon=":material/arrow_forward:", query_params=dict(picks or {}))


def lead(path: str, picks: Mapping[str, str]) -> None:
    """Set picks, and show the page at `path` with them at the start of the next run of the script; for callbacks."""
    for name, value in picks.items():
        state.put(name, value)
    st.session_state[_LEAD] = path


def follow(here: str) -> None:
    """Go where a callback leads, unless that is here."""
    path = st.session_state.pop(_LEAD, None)
    if path is not None and path != here:
        go(path)


def go(path: str) -> None:
    """Switch to another page with the session's picks."""
    page = st.session_state.get(_PAGES, {}).get(path)
    if page is not None:
        st.switch_page(page)
