"""Generated requests to every operation, with every check that schemathesis has, against a real server.

`DEMAND_FUZZ_EXAMPLES` is the number of examples an operation: 15 unless said; 1,000 give more than 10,000 requests.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from datetime import timedelta
from pathlib import Path

import httpx
import pandas as pd
import pytest

from api.schemas.base import ITEM_EXAMPLE, RUN_EXAMPLE, STORE_EXAMPLE
from models_ml.prediction_store import overrides
from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.replenishment import checked_stock, put_stock

from .conftest import ORIGIN, Published, served, settings_for

pytestmark = [pytest.mark.fuzz, pytest.mark.timeout(3600)]

FIRST = ORIGIN + timedelta(days=1)
EXAMPLES = int(os.environ.get("DEMAND_FUZZ_EXAMPLES", "15"))
KEY = "a-key-of-the-fuzz-test"
# two parameters that exclude each other are refused, which a document cannot say of query parameters
CONFIGURATION = """
[[operations]]
include-name = [
  "GET /forecast/hierarchy", "GET /forecast/explain", "GET /calendar", "GET /elasticities", "GET /elasticities/moves",
  "POST /what-if",
  "POST /overrides", "POST /override-bulk",
  "POST /override-preview", "POST /overrides/{override_id}/revoke", "GET /lineage", "GET /quality",
  "PUT /stock", "PUT /supply", "POST /inventory/orders/decisions"
]
checks.positive_data_acceptance.expected-statuses = ["2xx", "3xx", "404", "409", "422"]
"""
COUNT = re.compile(r'^demand_api_requests_total\{method="(\w+)",route="([^"]+)",status="(\d+)"\} ([\d.]+)$', re.M)


@pytest.mark.parametrize("auth", ["off", "on"])
def test_no_generated_request_breaks_the_contract(
    shared_store: Path, first_run: Published, tmp_path: Path, auth: str
) -> None:
    # a copy: this test writes overrides
    store = Path(shutil.copy(shared_store, tmp_path / "store.sqlite"))
    override_all(store)
    keys = f"fuzzer:{hashlib.sha256(KEY.encode()).hexdigest()}"
    settings = settings_for(store, auth=auth, keys_sha256=keys, writers="fuzzer", threads=8)
    headers = {"X-API-Key": KEY}
    with served(settings) as client:
        document = client.get("/openapi.json").text.replace(RUN_EXAMPLE, first_run.run.run_id)
        path = tmp_path / "openapi.json"
        path.write_text(document)
        (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
        command = [
            *(str(Path(sys.executable).parent / "schemathesis"), "run", str(path)),
            *("--url", str(client.base_url), "--checks", "all", "--phases", "examples,coverage,fuzzing"),
            *("--max-examples", str(EXAMPLES if auth == "off" else max(3, EXAMPLES // 10))),
            *("--workers", "1", "--seed", "1", "--generation-database", "none", "--no-color"),
            *("--request-timeout", "30", "--suppress-health-check", "all", "--continue-on-failure"),
        ]
        if auth == "on":
            command += ["-H", f"X-API-Key: {KEY}"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
        counts = _counts(client, headers)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    _check(json.loads(document), counts)
    if auth == "off":
        # operations without parameters have few requests to generate
        assert sum(sum(statuses.values()) for statuses in counts.values()) >= 10 * EXAMPLES


def override_all(store: Path) -> None:
    """Override 1, which the examples of the document read and revoke, and the stock of the item that they order."""
    engine = make_engine(f"sqlite:///{store}")
    overrides.make(engine, overrides.NewOverride("total", "percent", 5.0, FIRST, FIRST, "an example", "the test"))
    example = {"store_id": STORE_EXAMPLE, "item_id": ITEM_EXAMPLE, "as_of_date": str(ORIGIN), "on_hand": 3}
    put_stock(engine, checked_stock(pd.DataFrame([example])), author="the test")
    engine.dispose()


def _counts(client: httpx.Client, headers: dict[str, str]) -> dict[tuple[str, str], dict[int, int]]:
    """Answers by method, route and status, as the server itself counted them."""
    counts: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
    for method, route, status, count in COUNT.findall(client.get("/metrics", headers=headers).text):
        counts[method, route][int(status)] = int(float(count))
    return counts


def _check(document: dict[str, dict[str, object]], counts: dict[tuple[str, str], dict[int, int]]) -> None:
    """Every operation was answered well at least once, and none with a fault."""
    for route, methods in document["paths"].items():
        for method in methods:  # type: ignore[attr-defined]
            statuses = counts[method.upper(), route]
            assert statuses.get(200, 0) + statuses.get(201, 0) >= 1, f"{method} {route}: {statuses}"
    for key, statuses in counts.items():
        assert all(status < 500 for status in statuses), f"{key}: {statuses}"
