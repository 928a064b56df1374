"""What the reader has picked, kept in the address, so that a copied link opens the same view.

The address holds plain ids (`?place=store:CA_1&product=department:FOODS_3`). Picks outlive a change of page; what
the address names but the served runs do not have falls back to the first option, and the page says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import urlencode

import streamlit as st

_PICKS = "picks"
_PAGE = "picks_page"
_MISSING = "picks_missing"
_WIDGET = "pick_"
_OLD_NAMES = {"shop": ("place", "store:"), "dept": ("product", "department:"), "article": ("item", "")}
"""Names of links to What-if that were copied before all pages shared their picks: the new name, and its prefix."""


def adopt_address(page: str) -> None:
    """Take the picks that the address names, on arrival at a page; call once at the start of a run of the script.

    Later in a page's life the address only follows the controls. It is not read back then, because a browser
    that is one message behind would undo the reader's last pick.

    Args:
        page: path of the page that is shown.
    """
    picks: dict[str, str] = st.session_state.setdefault(_PICKS, {})
    st.session_state[_MISSING] = {}
    if st.session_state.get(_PAGE) != page:
        st.session_state[_PAGE] = page
        for given, value in st.query_params.to_dict().items():
            name, prefix = _OLD_NAMES.get(given, (given, ""))
            picks[name] = str(value) if value == "all" else f"{prefix}{value}"
        # Controls of the page before may still hold what they showed before a pick was set from code.
        for key in [key for key in st.session_state if str(key).startswith(_WIDGET)]:
            del st.session_state[key]


def write_address(*names: str) -> None:
    """Write the picks of this page into the address, without those that stand at their first option."""
    picks: dict[str, str] = st.session_state[_PICKS]
    wanted = {name: picks[name] for name in names if picks.get(name)}
    if wanted != st.query_params.to_dict():
        st.query_params.from_dict(wanted)


def picked(name: str) -> str | None:
    """The value of a pick, or none before it has one."""
    value: str | None = st.session_state.get(_PICKS, {}).get(name)
    return value


def put(name: str, value: str | None) -> None:
    """Set a pick from code (a row or a bar that was clicked); its control shows it at the next run."""
    if value is None:
        st.session_state[_PICKS].pop(name, None)
    else:
        st.session_state[_PICKS][name] = value
    st.session_state.pop(_WIDGET + name, None)


def remember(name: str, value: str | None) -> None:
    """Keep what a control of its own kind shows, for the address; none forgets it."""
    if value is None:
        st.session_state[_PICKS].pop(name, None)
    else:
        st.session_state[_PICKS][name] = value


def missing() -> dict[str, str]:
    """Picks of the address that are not among the options: name to the value that was asked for."""
    value: dict[str, str] = st.session_state.get(_MISSING, {})
    return value


def choose(
    label: str,
    name: str,
    options: Sequence[str],
    *,
    show: Callable[[str], str],
    help_text: str | None = None,
    width: int = 260,
    tell_missing: bool = True,
) -> str:
    """A labelled list to pick one option from, bound to the pick `name`; type to search.

    Args:
        label: what the reader picks, shown above the control.
        name: name of the pick in the address.
        options: ids in order; the first is the default.
        show: id to the text shown.
        help_text: longer explanation behind the question mark.
        width: pixels.
        tell_missing: whether a pick that is no option here is worth a warning, or simply belongs to other pages.
    """
    key = _prepare(name, options, tell_missing)
    value = st.selectbox(label, list(options), format_func=show, key=key, help=help_text, width=width)
    return _keep(name, options, value)


def toggle(label: str, name: str, options: Sequence[str], *, show: Callable[[str], str]) -> str:
    """A row of buttons of which one is down, bound to the pick `name`; for two to five short options; none of one."""
    key = _prepare(name, options)
    if len(options) == 1:
        return _keep(name, options, None)
    value = st.segmented_control(label, list(options), format_func=show, key=key, required=True)
    return _keep(name, options, value)


def link() -> str:
    """The address of this view, complete."""
    base = str(st.context.url or "").split("?")[0]
    query = st.query_params.to_dict()
    return f"{base}?{urlencode(query)}" if query else base


def _prepare(name: str, options: Sequence[str], tell_missing: bool = True) -> str:
    key = _WIDGET + name
    wanted = picked(name)
    if wanted is not None and wanted not in options:
        if tell_missing:
            st.session_state[_MISSING][name] = wanted
        wanted = None
    if st.session_state.get(key) not in options:
        st.session_state[key] = wanted if wanted is not None else options[0]
    return key


def _keep(name: str, options: Sequence[str], value: str | None) -> str:
    chosen = value if value is not None else options[0]
    wanted = picked(name)
    if chosen != options[0]:
        st.session_state[_PICKS][name] = chosen
    elif wanted in options and wanted != chosen:
        # Nothing is forgotten that another page was picked with: neither what is the first option here alone, nor
        # what is no option here.
        st.session_state[_PICKS].pop(name, None)
    return chosen
