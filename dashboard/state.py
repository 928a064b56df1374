"""The user's picks, kept in the URL, so that a copied link opens the same view.

The URL holds plain ids (`?place=store:CA_1&product=department:FOODS_3`). Picks survive a change of page. A pick that is
not served falls back to the first option, with a warning.
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
"""Parameter names in old links to What-if: the new name and its prefix."""


def adopt_address(page: str) -> None:
    """Read the picks from the URL on arrival at a page; call once at the start of a script run.

    Afterwards the URL only follows the controls. It is not read again, because a browser that lags behind would undo
    the user's last pick.

    Args:
        page: path of the current page.
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
    """Write the page's picks to the URL, except those at their default."""
    picks: dict[str, str] = st.session_state[_PICKS]
    wanted = {name: picks[name] for name in names if picks.get(name)}
    if wanted != st.query_params.to_dict():
        st.query_params.from_dict(wanted)


def picked(name: str) -> str | None:
    """The value of a pick, or none."""
    value: str | None = st.session_state.get(_PICKS, {}).get(name)
    return value


def put(name: str, value: str | None) -> None:
    """Set a pick from code (a clicked row or bar); its control shows it at the next script run."""
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
    """Picks in the URL that are not among the options: requested value by name."""
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
        label: shown above the control.
        name: name of the pick in the URL.
        options: ids in order; the first is the default.
        show: displayed text by id.
        help_text: text of the help tooltip.
        width: pixels.
        tell_missing: whether to warn about a pick that is not an option, or ignore it as one of another page.
    """
    key = _prepare(name, options, tell_missing)
    value = st.selectbox(label, list(options), format_func=show, key=key, help=help_text, width=width)
    return _keep(name, options, value)


def toggle(label: str, name: str, options: Sequence[str], *, show: Callable[[str], str]) -> str:
    """A segmented control bound to the pick `name`, for two to five short options; hidden if there is one."""
    key = _prepare(name, options)
    if len(options) == 1:
        return _keep(name, options, None)
    value = st.segmented_control(label, list(options), format_func=show, key=key, required=True)
    return _keep(name, options, value)


def link() -> str:
    """The full URL of this view."""
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
