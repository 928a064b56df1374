"""The twin warehouses of the forecasters' tests."""

from __future__ import annotations

from tests.models_ml.forecasters.conftest import twins as twins
