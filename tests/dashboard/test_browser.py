"""The whole thing in a real browser: Chromium, the dashboard and the API, each a process of its own.

Screenshots of every page at both widths go to DEMAND_ARTIFACTS (default `artifacts/screenshots`).
"""

from __future__ import annotations

import csv
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Download, Locator, Page, TimeoutError, expect, sync_playwright

from tests.dashboard.conftest import REPOSITORY, Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PAGES = {
    "overview": ("/", "What will sell next?"),
    "explore": (
        "/explore?place=store:CA_1&product=department:FOODS_3&item=FOODS_3_003",
        "How has it sold, and what is forecast?",
    ),
    "what_if": (
        "/what_if?place=store:CA_1&product=department:FOODS_3&item=FOODS_3_003",
        "What if the price were different?",
    ),
    "overrides": ("/overrides?place=store:CA_1&product=department:FOODS_3", "What do planners know better?"),
    "orders": ("/orders?place=store:CA_2", "What runs out first, and what to order?"),
    "inventory": (
        "/inventory?place=store:CA_1&product=department:FOODS_3&item=FOODS_3_003",
        "What to order, and where is the stock?",
    ),
    "accuracy": ("/accuracy", "Was the forecast any good?"),
    "runs": ("/runs", "What is served, and what changed?"),
    "quality": ("/quality", "Can the data be trusted?"),
}
WIDTHS = {1280: 900, 390: 844}
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT = 30_000.0


def chromium() -> str | None:
    """The system's Chromium."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = chromium()
    if path is None:
        reason = "Chromium is missing: `sudo apt-get install chromium`, or name it in CHROMIUM"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield launched
        launched.close()


@dataclass
class Tab:
    """A page of the browser that remembers what it complained about."""

    page: Page
    base: str
    complaints: list[str] = field(default_factory=list)

    def hear(self, message: ConsoleMessage) -> None:
        # On a page below the root Streamlit looks for its own base path by trial: its 404s are no fault of ours.
        if message.type == "error" and "/_stcore/" not in str(message.location.get("url", "")):
            self.complaints.append(f"{message.text} ({message.location.get('url')})")

    def open(self, path: str, title: str) -> None:
        self.page.goto(self.base + path)
        expect(self.page.get_by_role("heading", name=title, level=1)).to_be_visible(timeout=WAIT)
        self.settle()

    def settle(self) -> None:
        """Wait until the script of the page has run to its end and its charts are drawn."""
        expect(self.page.locator('[data-testid="stApp"]')).to_have_attribute(
            "data-test-script-state", "notRunning", timeout=WAIT
        )
        if "/orders" not in self.page.url:  # the one page without a chart
            expect(self.page.locator('[data-testid="stVegaLiteChart"] svg').first).to_be_visible(timeout=WAIT)
        expect(self.page.locator('[data-testid="stSkeleton"]')).to_have_count(0, timeout=WAIT)

    def pick(self, label: str, option: str) -> None:
        """Pick an option by keyboard alone: focus, type, Enter."""
        box = self.page.get_by_role("combobox", name=re.compile(rf"\b{label}\b"))
        box.focus()
        box.press_sequentially(option, delay=5)
        expect(self.page.get_by_role("option", name=option, exact=True)).to_be_visible(timeout=WAIT)
        box.press("Enter")
        self.settle()

    def download(self, button: str) -> Download:
        """What a button gives; pressed again where a busy machine drew the button anew under the pointer."""
        for attempt in range(3):
            try:
                with self.page.expect_download(timeout=WAIT / 2) as download:
                    self.page.get_by_role("button", name=button).first.click()
                return download.value
            except TimeoutError:
                if attempt == 2:
                    raise
        raise AssertionError(button)

    def answer(self, question: str) -> str:
        return self.page.get_by_role("region", name=re.compile(re.escape(question))).locator(".answer").inner_text()


@pytest.fixture
def open_tab(browser: Browser, dashboard: Server) -> Iterator[Callable[..., Tab]]:
    contexts = []

    def make(width: int = 1280, scheme: str = "light") -> Tab:
        context = browser.new_context(
            viewport={"width": width, "height": WIDTHS[width]},
            color_scheme=scheme,  # type: ignore[arg-type]
            accept_downloads=True,
        )
        contexts.append(context)
        tab = Tab(context.new_page(), dashboard.url)
        tab.page.on("console", tab.hear)
        tab.page.on("pageerror", lambda error: tab.complaints.append(str(error)))
        return tab

    yield make
    for context in contexts:
        context.close()


def artifacts() -> Path:
    folder = Path(os.environ.get("DEMAND_ARTIFACTS", REPOSITORY / "artifacts" / "screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def shoot(tab: Tab, name: str, width: int) -> None:
    """The whole page as a picture, not only the part that a screen shows."""
    main = tab.page.locator('[data-testid="stMain"]')
    height = int(main.evaluate("(main) => main.scrollHeight"))
    tab.page.set_viewport_size({"width": width, "height": max(height + 90, WIDTHS[width])})
    tab.settle()
    tab.page.wait_for_timeout(500)  # tables are painted on a canvas, whose end nothing tells
    tab.page.screenshot(path=artifacts() / f"{name}.png", animations="disabled")
    tab.page.set_viewport_size({"width": width, "height": WIDTHS[width]})


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_each_page_fits_and_complains_of_nothing(open_tab: Callable[..., Tab], name: str, width: int) -> None:
    tab = open_tab(width)
    tab.open(*PAGES[name])
    shoot(tab, f"{name}_{width}", width)
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"
    wide = tab.page.evaluate(
        """(width) => [...document.querySelectorAll('.d-card, .d-legend, .d-note, .d-line, .d-empty, h1, h2, svg')]
             .filter((one) => one.getBoundingClientRect().right > width + 1)
             .map((one) => one.textContent.slice(0, 60))""",
        width,
    )
    assert wide == [], "cut off at the right"
    assert tab.complaints == []


def test_dark_theme(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab(scheme="dark")
    tab.open(*PAGES["overview"])
    background = tab.page.evaluate(
        "getComputedStyle(document.querySelector('[data-testid=\"stApp\"]')).backgroundColor"
    )
    assert background == "rgb(16, 23, 31)"
    shoot(tab, "overview_dark_1280", 1280)
    tab.open(*PAGES["accuracy"])
    shoot(tab, "accuracy_dark_1280", 1280)
    assert tab.complaints == []


def test_a_stranger_finds_next_week_of_a_department_by_keyboard(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab()
    tab.open(*PAGES["overview"])
    everything = tab.answer("What will sell")
    tab.pick("Store", "Store TX_1")
    tab.pick("Department", "Department FOODS_2")
    expect(tab.page).to_have_url(re.compile("place=store%3ATX_1&product=department%3AFOODS_2"))
    assert tab.answer("What will sell") != everything
    assert re.fullmatch(r"[\d.\u202f]+( k)? units", tab.answer("What will sell"))
    assert " to " in tab.answer("How certain is it?")
    assert tab.answer("How accurate was the last forecast?").startswith("Yes:")
    assert tab.complaints == []


def test_walk_down_to_an_item_and_reopen_its_link(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab()
    tab.open("/?place=store:CA_2&product=department:HOBBIES_1", PAGES["overview"][1])
    tab.page.get_by_role("link", name="Drill down to an item").click()
    expect(tab.page.get_by_role("heading", name=PAGES["explore"][1])).to_be_visible(timeout=WAIT)
    tab.settle()
    tab.pick("Item", "HOBBIES_1_004")
    expect(tab.page.get_by_text("level 12 of 12")).to_be_visible(timeout=WAIT)
    expect(tab.page).to_have_url(re.compile("item=HOBBIES_1_004"))
    tab.settle()
    units = tab.answer("What will sell")
    tab.page.get_by_role("button", name="Link to this view").click()
    link = tab.page.locator("code", has_text="item=HOBBIES_1_004").inner_text()
    other = open_tab()
    other.open(link.removeprefix(other.base), PAGES["explore"][1])
    expect(other.page.get_by_text("level 12 of 12")).to_be_visible(timeout=WAIT)
    assert other.answer("What will sell") == units
    assert tab.complaints + other.complaints == []


def test_going_down_by_button(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab()
    tab.open("/explore", PAGES["explore"][1])
    tab.page.get_by_role("radio", name="Region TX").click()
    expect(tab.page).to_have_url(re.compile("place=region%3ATX"), timeout=WAIT)
    tab.settle()
    tab.page.get_by_role("radio", name="Category FOODS").click()
    expect(tab.page).to_have_url(re.compile("product=category%3AFOODS"), timeout=WAIT)
    expect(tab.page.get_by_text("level 6 of 12")).to_be_visible(timeout=WAIT)
    assert tab.complaints == []


def test_a_csv_has_the_days_of_the_forecast(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab()
    tab.open("/?place=store:CA_1&product=department:FOODS_3", PAGES["overview"][1])
    tab.page.get_by_text("Forecast by day as a table").click()
    tab.settle()
    download = tab.download("Download CSV")
    assert download.suggested_filename == "forecast_CA_1_FOODS_3.csv"
    lines = Path(download.path()).read_text().splitlines()
    assert lines[0] == "date,forecast,low_95,high_95,year_before"
    assert len(lines) == 1 + 28
    assert lines[1].startswith("2016-05-23,")


def test_the_api_goes_away_and_comes_back(open_tab: Callable[..., Tab], api: Server) -> None:
    tab = open_tab()
    tab.open("/?place=store:CA_1", PAGES["overview"][1])
    api.stop()
    try:
        time.sleep(5.5)  # what was heard of the API is good for five seconds
        tab.page.get_by_text("Next 28 days").click()
        expect(tab.page.get_by_text("Service unavailable")).to_be_visible(timeout=WAIT)
        tab.settle()
        assert "units" in tab.answer("What will sell")
        shoot(tab, "overview_away_1280", 1280)
        expect(tab.page.get_by_text("Traceback")).to_have_count(0)
    finally:
        api.start()
    expect(tab.page.get_by_text("Service unavailable")).to_have_count(0, timeout=WAIT)
    expect(tab.page.get_by_text("Up to date")).to_be_visible(timeout=WAIT)
    assert tab.complaints == []


def test_21_05_the_card_is_the_picks_own_backtest(open_tab: Callable[..., Tab], api: Server) -> None:
    nodes = httpx.get(f"{api.url}/accuracy/nodes", params={"level": 9}).json()["nodes"]
    skill = {node["node_id"]: 1 - node["rmsse"] / node["baseline_rmsse"] for node in nodes}
    worst, best = min(skill, key=skill.__getitem__), max(skill, key=skill.__getitem__)
    for node in (worst, best):
        store, department = node.partition(":")[2].split("|")
        tab = open_tab()
        tab.open(f"/?place=store:{store}&product=department:{department}", PAGES["overview"][1])
        said = tab.answer("How accurate was the last forecast?")
        gain = round(100 * skill[node])
        expected = f"Yes: {gain}" if gain > 2 else f"No: {-gain}" if gain < -2 else "About the same"
        assert said.startswith(expected), (node, said)


def test_21_09_a_double_click_makes_one_override(open_tab: Callable[..., Tab], api: Server) -> None:
    tab = open_tab(390)
    tab.open("/overrides?place=store:TX_2&product=department:HOBBIES_2", PAGES["overrides"][1])
    tab.page.get_by_label("By percent, or to units a day").fill("20")
    tab.page.get_by_label("Why").first.fill("a fair")
    tab.page.get_by_label("Your name").first.fill("ann")
    tab.page.get_by_role("button", name="Make this override").dblclick()
    said = tab.page.locator(".d-note", has_text="is in force.")
    expect(said).to_be_visible(timeout=WAIT)
    tab.settle()
    expect(tab.page.get_by_label("Why").first).to_have_value("")
    asked = {"node_id": "store_department:TX_2|HOBBIES_2"}
    [made] = httpx.get(f"{api.url}/overrides", params=asked).json()["overrides"]
    httpx.post(f"{api.url}/overrides/{made['override_id']}/revoke", json={"reason": "over", "author": "ann"})


def test_21_11_an_item_is_found_by_part_of_its_name_from_any_page(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab()
    tab.open(*PAGES["explore"])  # of another item
    tab.page.get_by_role("button", name="Find an item").click()
    tab.page.get_by_label("Part of its name").fill("s_1_004")
    tab.page.get_by_label("Part of its name").press("Enter")
    tab.page.get_by_role("button", name="HOBBIES_1_004 in TX_1").click()
    expect(tab.page).to_have_url(re.compile("item=HOBBIES_1_004"), timeout=WAIT)
    expect(tab.page.get_by_text("level 12 of 12")).to_be_visible(timeout=WAIT)
    assert tab.complaints == []


@dataclass
class Planner:
    """Someone whose clicks (of controls, and picks by keyboard) are counted."""

    tab: Tab
    clicks: int = 0

    def click(self, found: Locator) -> None:
        self.clicks += 1
        found.click()

    def pick(self, label: str, option: str) -> None:
        self.clicks += 1
        self.tab.pick(label, option)

    def write(self, found: Locator, text: str) -> None:
        self.clicks += 1
        found.fill(text)
        found.press("Enter")


def listed_orders(download: Download) -> list[dict[str, str]]:
    with Path(download.path()).open(newline="") as file:
        return list(csv.DictReader(file))


def test_21_02_from_a_csv_of_stock_to_the_order_list_in_five_clicks(
    open_tab: Callable[..., Tab], api: Server, tmp_path: Path
) -> None:
    items = httpx.get(f"{api.url}/forecast/items", params={"store_id": "CA_1", "limit": 500}).json()["items"]
    stock = tmp_path / "on_hand.csv"
    stock.write_text("item_id,on_hand\n" + "".join(f"{one['item_id']},{n % 7}\n" for n, one in enumerate(items)))
    planner = Planner(open_tab())
    page = planner.tab.page
    planner.tab.open(*PAGES["overview"])
    started = time.monotonic()
    planner.click(page.get_by_role("link", name="Orders"))
    expect(page.get_by_role("heading", name=PAGES["orders"][1])).to_be_visible(timeout=WAIT)
    planner.tab.settle()
    planner.pick("Store", "CA_1")
    planner.clicks += 1  # of the button that opens the choice of a file
    page.locator("input[type=file]").set_input_files(stock)
    expect(page.get_by_text(f"The stock of {len(items)} rows is stored.").first).to_be_visible(timeout=WAIT)
    planner.tab.settle()
    planner.write(page.get_by_role("spinbutton", name="Lead time, days"), "5")
    expect(page).to_have_url(re.compile("lead=5"), timeout=WAIT)
    planner.tab.settle()
    planner.clicks += 1
    rows = listed_orders(planner.tab.download("Order list of CA_1 (CSV)"))
    assert planner.clicks <= 5
    assert time.monotonic() - started < 20
    asked = {"store_id": "CA_1", "lead_time_days": 5, "limit": 5000, "only_to_order": True}
    told = httpx.get(f"{api.url}/inventory/orders", params=asked).json()["orders"]
    assert list(rows[0]) == ["store_id", "item_id", "supplier_id", "order_units", "order_date", "run_id"]
    assert [(row["item_id"], int(row["order_units"])) for row in rows] == [
        (one["item_id"], one["order_units"]) for one in told
    ]
    days = [one["days_until_stockout"] for one in told[:20]]
    assert days == sorted(days)
    assert planner.tab.complaints == []


def test_21_02_orders_are_accepted_and_then_count_as_on_order(open_tab: Callable[..., Tab], api: Server) -> None:
    row = {"store_id": "TX_1", "item_id": "FOODS_1_001", "as_of_date": "2016-05-22", "on_hand": 0.0}
    httpx.put(f"{api.url}/stock", json={"stock": [row]}).raise_for_status()
    [before] = httpx.get(f"{api.url}/inventory/orders", params={"store_id": "TX_1"}).json()["orders"]
    tab = open_tab(390)
    tab.open("/orders?place=store:TX_1", PAGES["orders"][1])
    tab.page.get_by_label("Your name").fill("ann")
    tab.page.get_by_role("button", name="Accept all 1 shown").click()
    expect(tab.page.locator(".d-note", has_text="1 accepted")).to_be_visible(timeout=WAIT)
    tab.settle()
    [after] = httpx.get(f"{api.url}/inventory/orders", params={"store_id": "TX_1"}).json()["orders"]
    assert (after["decision"], after["decided_units"], after["decided_by"]) == (
        "accepted", before["order_units"], "ann",
    )  # fmt: skip
    assert after["accepted_units"] == before["order_units"] > after["order_units"]
    expect(tab.page.get_by_role("button", name="Accept all 0 shown")).to_be_disabled()
    assert tab.complaints == []


def test_21_09_an_override_is_made_seen_in_the_orders_and_revoked_in_eight_clicks(
    open_tab: Callable[..., Tab], api: Server
) -> None:
    row = {"store_id": "TX_2", "item_id": "FOODS_2_001", "as_of_date": "2016-05-22", "on_hand": 1.0}
    httpx.put(f"{api.url}/stock", json={"stock": [row]}).raise_for_status()

    def ordered() -> int:
        [one] = httpx.get(f"{api.url}/inventory/orders", params={"store_id": "TX_2"}).json()["orders"]
        units: int = one["order_units"]
        return units

    before = ordered()
    planner = Planner(open_tab())
    page = planner.tab.page
    planner.tab.open("/overrides?place=store:TX_2&product=department:FOODS_2", PAGES["overrides"][1])
    page.get_by_label("By percent, or to units a day").fill("150")
    page.get_by_label("Why").first.fill("a fair")
    page.get_by_label("Your name").first.fill("ann")
    planner.click(page.get_by_role("button", name="Make this override"))
    expect(page.locator(".d-note", has_text="is in force.")).to_be_visible(timeout=WAIT)
    planner.tab.settle()
    planner.click(page.get_by_role("link", name="Orders"))
    expect(page.get_by_role("heading", name=PAGES["orders"][1])).to_be_visible(timeout=WAIT)
    planner.tab.settle()
    during = ordered()
    assert during > before
    expect(page.locator(".d-card", has_text="What to order?").locator(".answer")).to_have_text(re.compile("1 items"))
    planner.click(page.get_by_role("link", name="Overrides"))
    expect(page.get_by_role("heading", name=PAGES["overrides"][1])).to_be_visible(timeout=WAIT)
    planner.tab.settle()
    planner.click(page.get_by_text("Revoke an override"))
    page.get_by_label("Why").last.fill("it rained")
    page.get_by_label("Your name").last.fill("ann")
    planner.click(page.get_by_role("button", name="Revoke it"))
    expect(page.locator(".d-note", has_text="is revoked.")).to_be_visible(timeout=WAIT)
    assert ordered() == before
    assert planner.clicks <= 8


def test_21_09_many_overrides_are_made_from_a_csv_once(
    open_tab: Callable[..., Tab], api: Server, tmp_path: Path
) -> None:
    nodes = [f"store_department:CA_2|HOUSEHOLD_{number}" for number in (1, 2)]
    lines = [f"{node},percent,5,2016-05-30,2016-06-01,market day,bea" for node in nodes]
    table = tmp_path / "overrides.csv"
    table.write_text("node_id,kind,value,valid_from,valid_to,reason,author\n" + "\n".join(lines) + "\n")
    tab = open_tab()
    tab.open(*PAGES["overrides"])
    tab.page.get_by_text("Many at once: upload a CSV").click()
    tab.page.locator("input[type=file]").set_input_files(table)
    button = tab.page.get_by_role("button", name="Make 2 overrides")
    for _ in range(2):
        button.click()
        expect(tab.page.locator(".d-note", has_text="2 overrides are in force.")).to_be_visible(timeout=WAIT)
        tab.settle()
    for node in nodes:
        [made] = httpx.get(f"{api.url}/overrides", params={"node_id": node}).json()["overrides"]
        assert made["author"] == "bea"
        httpx.post(f"{api.url}/overrides/{made['override_id']}/revoke", json={"reason": "over", "author": "bea"})


def test_21_11_bars_lead_to_their_pick_which_other_pages_keep(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab()
    tab.open("/?place=store:CA_1", PAGES["overview"][1])
    bars = tab.page.locator('path[aria-roledescription="bar"]')
    bars.first.click()
    expect(tab.page).to_have_url(re.compile("product=department"), timeout=WAIT)
    tab.settle()
    tab.page.get_by_role("link", name="What-if").click()
    expect(tab.page.get_by_role("heading", name=PAGES["what_if"][1])).to_be_visible(timeout=WAIT)
    tab.settle()
    for pick in ("place=store%3ACA_1", "product=department"):
        expect(tab.page).to_have_url(re.compile(pick), timeout=WAIT)
    assert tab.complaints == []


def test_21_08_a_scenario_reopens_from_its_link(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab()
    tab.open(PAGES["what_if"][0] + "&price=-3", PAGES["what_if"][1])
    units = tab.answer("Units")
    assert units != "0.0\u202f%"
    expect(tab.page).to_have_url(re.compile("price=-3"))
    assert tab.complaints == []
