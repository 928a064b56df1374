"""Start the dashboard: `python -m dashboard [options of streamlit run]`.

Streamlit imports a page's libraries at the first visit, which then waits seconds for pandas. Here they are imported
before the server starts.
"""

from __future__ import annotations

import sys
from pathlib import Path

import altair  # noqa: F401 - Streamlit imports it with the first chart
import pandas  # noqa: F401 - and this with the first table
from streamlit.logger import set_log_level
from streamlit.web import cli

# pages imported before the server runs make Streamlit warn of a missing context; it sets its own log level later
set_log_level("ERROR")

from dashboard.pages_ import accuracy, explore, overview, quality, runs  # noqa: E402, F401 - what app.py imports


def main() -> None:
    """Start Streamlit."""
    sys.argv = ["streamlit", "run", str(Path(__file__).with_name("app.py")), *sys.argv[1:]]
    cli.main()


if __name__ == "__main__":
    main()
