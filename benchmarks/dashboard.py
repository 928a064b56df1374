"""How fast is the dashboard for a person? In Chromium, over the full-size store: ten stores, 30,490 series.

    python -m benchmarks.dashboard [--rounds 5] [--items 3049] [--check] [--write]

The API, the dashboard and the browser are processes of their own on this machine. Measured, each from the click to
the drawn page (script ended, charts visible), medians over rounds:

- `first page`: a fresh browser profile opens the overview, the dashboard's caches empty (it is started anew);
- `page again`: another fresh profile, the caches warm;
- `item change`: another item in Explore, each for the first time.

The CPU of the dashboard's process says what a machine that is busy with other things does not change. `--check` exits
with 1 when the medians are over 3 s for the first page or 0.7 s for a change of item.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, Page, expect, sync_playwright

from benchmarks.api import ITEMS, STORES
from benchmarks.api_load import cpu_seconds
from benchmarks.report import kept
from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.migrate import upgrade
from models_ml.prediction_store.publish import publish
from tests.synthetic import synthetic_run

FIRST_PAGE_SECONDS, ITEM_CHANGE_SECONDS = 3.0, 0.7
NODE_HISTORY_DAYS = 728
WAIT_MS = 60_000.0
# A browser that looks for nothing outside this machine.
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
EXPLORE = "/explore?place=store:CA_1&product=department:FOODS_1&item={item}"


def build_store(path: Path, items: int) -> None:
    """The full-size store with nodes of all levels and two years of their history."""
    engine = make_engine(f"sqlite:///{path}")
    upgrade(engine)
    run, frames = synthetic_run(stores=STORES, items=items, levels=range(1, 10), node_history_days=NODE_HISTORY_DAYS)
    publish(engine, run, frames)
    engine.dispose()


@contextmanager
def serving(command: list[str], environment: dict[str, str], ready: str) -> Iterator[int]:
    """A server in a process of its own, from when it answers at `ready`; gives its process id."""
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise SystemExit(f"{command[0]} ended at once")
            try:
                urllib.request.urlopen(ready, timeout=5)
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        else:
            raise SystemExit(f"{command[0]} did not answer within 90 s")
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def dashboard(api_url: str) -> Iterator[tuple[str, int]]:
    """The dashboard, its caches empty: address and process id."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = ["dashboard", "--server.port", str(port), "--server.address", "127.0.0.1"]
    with serving(command, {"DEMAND_API_URL": api_url}, f"{url}/_stcore/health") as process_id:
        yield url, process_id


def settle(page: Page) -> None:
    """Wait until the page's script has ended and its charts are drawn."""
    app = page.locator('[data-testid="stApp"]')
    expect(app).to_have_attribute("data-test-script-state", "notRunning", timeout=WAIT_MS)
    expect(page.locator('[data-testid="stVegaLiteChart"] svg').first).to_be_visible(timeout=WAIT_MS)


def open_seconds(browser: Browser, url: str) -> float:
    """Seconds until a fresh profile shows the page."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    began = time.perf_counter()
    page.goto(url)
    expect(page.get_by_role("heading", level=1).first).to_be_visible(timeout=WAIT_MS)
    settle(page)
    seconds = time.perf_counter() - began
    context.close()
    return seconds


def change_seconds(browser: Browser, url: str, items: list[str], process_id: int) -> tuple[list[float], list[float]]:
    """Seconds until each next item is drawn, and the dashboard's CPU seconds for it."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(url + EXPLORE.format(item=items[0]))
    expect(page.get_by_text(f"item {items[0]}")).to_be_visible(timeout=WAIT_MS)
    settle(page)
    seconds, cpu = [], []
    for item in items[1:]:
        box = page.get_by_role("combobox", name=re.compile(r"\bItem\b"))
        box.focus()
        box.press_sequentially(item, delay=0)
        expect(page.get_by_role("option", name=item, exact=True)).to_be_visible(timeout=WAIT_MS)
        before, began = cpu_seconds(process_id), time.perf_counter()
        box.press("Enter")
        expect(page.get_by_text(f"item {item}")).to_be_visible(timeout=WAIT_MS)
        settle(page)
        seconds.append(time.perf_counter() - began)
        cpu.append(cpu_seconds(process_id) - before)
    context.close()
    return seconds, cpu


def main() -> int:
    """Measure, print, and judge when asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--items", type=int, default=ITEMS, help="a store; 3,049 is full size")
    parser.add_argument("--check", action="store_true", help="exit 1 unless the medians hold")
    parser.add_argument("--write", action="store_true", help="update the section of results.md")
    options = parser.parse_args()
    with kept("dashboard", options.write, ["streamlit", "altair"]):
        return measure(options)


def measure(options: argparse.Namespace) -> int:
    """Open pages and change items, round by round.

    Returns:
        The exit code: 1 where `--check` was given and a median does not hold.
    """
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        raise SystemExit("Chromium is missing: `sudo apt-get install chromium`, or name it in CHROMIUM.")
    cold: list[float] = []
    warm: list[float] = []
    changes: list[float] = []
    cpu: list[float] = []
    with tempfile.TemporaryDirectory(prefix="bench-dashboard-") as folder:
        store = Path(folder) / "store.sqlite"
        build_store(store, options.items)
        port = free_port()
        environment = {
            "DEMAND_STORE_URL": f"sqlite:///{store}",
            "DEMAND_API_AUTH": "off",
            "DEMAND_API_PORT": str(port),
            "DEMAND_API_MAX_AGE_DAYS": "36500",
        }
        api_url = f"http://127.0.0.1:{port}"
        with serving(["api"], environment, f"{api_url}/health"), sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
            for number in range(options.rounds):
                with dashboard(api_url) as (url, process_id):
                    cold.append(open_seconds(browser, url))
                    warm.append(open_seconds(browser, url))
                    items = [f"FOODS_1_{3 * one:05d}" for one in range(6 * number, 6 * number + 6)]
                    spent = change_seconds(browser, url, items, process_id)
                    changes += spent[0]
                    cpu += spent[1]
            browser.close()
    print(f"{len(STORES) * options.items:,} series; medians of {options.rounds} rounds (all of them)")
    for name, values, bar in (
        ("first page", cold, f"<= {FIRST_PAGE_SECONDS} s"),
        ("page again", warm, ""),
        ("item change", changes, f"<= {ITEM_CHANGE_SECONDS} s"),
        ("item change, CPU of the dashboard", cpu, ""),
    ):
        listed = " ".join(f"{value:.2f}" for value in sorted(values))
        print(f"{name:<34}{median(values):>6.2f} s {bar:<9} ({listed})")
    held = median(cold) <= FIRST_PAGE_SECONDS and median(changes) <= ITEM_CHANGE_SECONDS
    print("held" if held else "NOT held")
    return 0 if held or not options.check else 1


if __name__ == "__main__":
    raise SystemExit(main())
