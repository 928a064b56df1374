"""The one place that imports Great Expectations first: late (it takes seconds), quietly and without its telemetry."""

from __future__ import annotations

import os
import warnings
from functools import cache
from typing import Any


@cache
def great_expectations() -> Any:
    """The package, imported on first use."""
    # Read at import; nothing about a user's data leaves the machine.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with warnings.catch_warnings():
        # What its imports use of Python's and of others' deprecated modules is for its authors to mend.
        warnings.simplefilter("ignore")
        import great_expectations as package
        import great_expectations.expectations

        from expectations import measures  # noqa: F401 - registers our metric and expectation
    return package
