"""Every shape that the API answers with. This module is the truth; `tests/api/openapi.json` pins it.

Routes and their models (all `GET` unless said; errors are `Problem` as `application/problem+json`):

| route | model | what for |
|---|---|---|
| `/health` | `Health` | the process answers |
| `/ready` | `Readiness` (200, or 503 when not ready) | store reachable, migrated, something published, age |
| `/forecast` | `SeriesForecast` | one item in one store, the days of the horizon |
| `/forecast/items` | `ItemPage` | search and filter the served series |
| `/forecast/departments` | `DepartmentForecasts` | store and department: next weeks, last weeks, last year |
| `/forecast/history` | `SeriesHistory` | recent sales of one item in one store |
| `/forecast/bulk` (GET, POST) | rows of `BulkRow` as JSON, CSV or an Arrow stream | many series at once |
| `/forecast/hierarchy` | `NodePage` | nodes of any of the twelve levels, with history when asked |
| `/stores`, `/departments` | `StoreList`, `DepartmentList` | what can be picked |
| `/calendar` | `Calendar` | events and regional flags of the history and the horizon |
| `/forecast/explain` | `Explanation` | what moved a node's or an item's forecast |
| `/what-if` (POST) | `WhatIf` | the forecast at other prices, with other flags and events |
| `/elasticities` | `Elasticities` | own-price elasticities with intervals |
| `/inventory` | `InventoryAnswer` | what to hold and to order of one item in one store, after overrides |
| `/inventory/items` | `InventoryPage` | the same of all that match |
| `/inventory/departments` | `InventoryDepartments` | stock and its value, by store and department |
| `/lineage` | `Lineage` | where a served number comes from |
| `/accuracy` | `Accuracy` | backtest by level, fold, model |
| `/accuracy/nodes`, `/accuracy/leads` | `NodeErrors`, `LeadErrors` | backtest by node, by lead day |
| `/model/status` | `ModelStatus` | which runs are served, how old, how good |
| `/model/runs`, `/model/runs/{run_id}` | `RunPage`, `RunDetail` | the ledger |
| `/quality` | `Quality` | the latest data-quality checks |
| `/overrides` (GET, POST) | `OverridePage`, `Override` | what planners changed; one more |
| `/override-preview` (POST) | `OverridePreview` | what an override would change, without making it |
| `/overrides/{id}`, `/overrides/{id}/revoke` (POST) | `Override` | one; taken back |
| `/monitoring` | `Monitoring` | alarms, and drift and live accuracy week by week |
| `/metrics` | text | Prometheus |

An answer comes from the runs that were active when it was made, and names them. Units are units per day,
dates are ISO 8601, times are UTC. Quantiles are keyed by their probability as text (`"0.025"`).
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from models_ml.prediction_store.schema import MAX_PERCENT, MAX_UNITS
from models_ml.settings import QUANTILES

ITEM_EXAMPLE = "FOODS_1_001"
STORE_EXAMPLE = "CA_1"
DEPARTMENT_EXAMPLE = "FOODS_1"
CATEGORY_EXAMPLE = "FOODS"
REGION_EXAMPLE = "CA"
RUN_EXAMPLE = "run_3f2a9c41d07b5e68"

_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}$", re.ASCII)


def _iso_date(value: object) -> object:
    """Refuse what pydantic also takes for a date: seconds since 1970."""
    if isinstance(value, (str, int, float)) and not (isinstance(value, str) and _DATE.match(value)):
        raise ValueError("give a date as YYYY-MM-DD")
    return value


IsoDate = Annotated[date, BeforeValidator(_iso_date)]
ItemId = Annotated[str, Field(description="Item.", examples=[ITEM_EXAMPLE])]
StoreId = Annotated[str, Field(description="Store.", examples=[STORE_EXAMPLE])]
DepartmentId = Annotated[str, Field(description="Department.", examples=[DEPARTMENT_EXAMPLE])]
CategoryId = Annotated[str, Field(description="Category.", examples=[CATEGORY_EXAMPLE])]
RegionId = Annotated[str, Field(description="Region (a state in M5).", examples=[REGION_EXAMPLE])]
RunId = Annotated[str, Field(description="Run that the numbers come from.", examples=[RUN_EXAMPLE])]
Units = Annotated[float, Field(description="Units.", ge=0)]
QuantileMap = Annotated[
    dict[str, float],
    Field(
        description="Units that demand stays below with the probability that is the key.",
        examples=[{"0.025": 0.0, "0.5": 1.0, "0.975": 4.2}],
    ),
]

LevelName = Literal[
    "total",
    "region",
    "store",
    "category",
    "department",
    "region_category",
    "region_department",
    "store_category",
    "store_department",
    "item",
    "item_region",
    "item_store",
]


class Schema(BaseModel):
    """Base of every model: unknown fields are a defect, not data."""

    model_config = ConfigDict(extra="forbid")


class FieldProblem(Schema):
    """One thing that is wrong with a request."""

    field: str = Field(description="Parameter, header or place in the body.", examples=["quantiles"])
    message: str = Field(examples=["0.9 is not stored"])
    allowed: list[str] | None = Field(None, description="What would be accepted, when it can be listed.")


class Problem(Schema):
    """An error as RFC 9457 has it; `type` never changes its meaning."""

    type: str = Field(examples=["urn:retail-demand:problem:unknown-item"])
    title: str = Field(examples=["Unknown item"])
    status: int = Field(ge=400, le=599, examples=[404])
    detail: str = Field(description="What was wrong and what to do.")
    instance: str = Field(description="Path that was asked for.", examples=["/forecast"])
    request_id: str = Field(description="The same id is in the header X-Request-ID and in the logs.")
    errors: list[FieldProblem] = Field(default_factory=list)


class Health(Schema):
    """The process runs; says nothing about the store."""

    status: Literal["ok"] = "ok"
    version: str = Field(description="Version of the API.", examples=["0.1.0"])
    auth: Literal["on", "off"] = Field(description="`off` is for a demo only.")
    started_at: AwareDatetime


class Check(Schema):
    """One readiness check."""

    name: Literal["store", "migrations", "active_run", "age"]
    status: Literal["ok", "warning", "failed"]
    detail: str


class Readiness(Schema):
    """Whether forecasts can be served; a run that is too old is a warning, because old beats none."""

    status: Literal["ready", "stale", "not_ready"]
    checks: list[Check]


class RunRef(Schema):
    """The run that an answer comes from."""

    run_id: RunId
    model: str = Field(examples=["middle_out"])
    origin: date = Field(description="Last day whose sales the run knew.", examples=["2016-05-22"])
    horizon_days: int = Field(ge=1, examples=[28])
    step_days: int = Field(
        1, description="Days of each forecast and each day of history: 1, or 7 where the sales are weekly."
    )
    published_at: AwareDatetime | None


class ForecastDay(Schema):
    """Forecast of one day, or of one week by its first day where `step_days` of the run is 7."""

    date: date
    mean: Units
    quantiles: QuantileMap | None = Field(
        None, description="Null where the run has none (sums of items: quantiles do not add)."
    )
    final: Units = Field(
        description="Mean after the overrides in force; the mean itself without one. "
        "Quantiles scale with it: those of the final are `quantiles` times `final` / `mean`."
    )


class SeriesForecast(Schema):
    """Forecast of one item in one store."""

    item_id: ItemId
    store_id: StoreId
    run: RunRef
    days: list[ForecastDay]


class HistoryDay(Schema):
    """Sales of one day, or of one week by its first day where `step_days` of the run is 7."""

    date: date
    units: float
    price: float | None = Field(None, description="Selling price of that day (or week), where known.")


class SeriesHistory(Schema):
    """Recent sales of one item in one store, oldest first; days before the launch are not there."""

    item_id: ItemId
    store_id: StoreId
    run: RunRef
    days: list[HistoryDay]


class Errors(Schema):
    """How far forecasts of past days (or weeks) were off, in units summed over them and over rows."""

    actual_units: Units
    forecast_units: Units
    absolute_error_units: float = Field(ge=0, description="Sum of the days' (or weeks') absolute errors.")
    wape: float | None = Field(description="absolute_error_units / actual_units; null where nothing was sold.")
    bias: float | None = Field(
        description="(forecast_units - actual_units) / actual_units, above 0 when too high; null as WAPE is."
    )


class BacktestErrors(Errors):
    """Errors of one series or node in a backtest."""

    rmsse: float | None = Field(
        description="Root mean squared error over that of repeating the day (or week) before; null where sales never "
        "moved."
    )


class SeriesBacktest(BacktestErrors):
    """Errors of a series on the newest fold, of the run's own model."""

    fold: date = Field(description="Last day that the fold's model knew.")


class Series(Schema):
    """One item in one store, as the served run knows it."""

    item_id: ItemId
    store_id: StoreId
    department_id: DepartmentId
    category_id: CategoryId
    region_id: RegionId
    run_id: RunId
    price: float | None = Field(description="Last known price.")
    units_last_28: float = Field(description="Units sold in the last 28 days before the origin.")
    forecast_units: float = Field(description="Sum of the mean forecast over the horizon.")
    demand_class: str = Field(description="smooth, erratic, intermittent, lumpy or new.", examples=["smooth"])
    launch_date: date | None
    backtest: SeriesBacktest | None = Field(description="Null for a run whose backtest kept no errors of series.")


class ItemPage(Schema):
    """A page of served series."""

    items: list[Series]
    total: int = Field(ge=0, description="Series that match, on all pages.")
    next_cursor: str | None = Field(description="Ask again with `cursor` set to this; null on the last page.")


class DepartmentForecast(Schema):
    """One department of one store: what comes, next to what was."""

    store_id: StoreId
    department_id: DepartmentId
    category_id: CategoryId
    region_id: RegionId
    node_id: str = Field(examples=["store_department:CA_1|FOODS_1"])
    run: RunRef
    forecast_units: float = Field(description="Sum of the mean over the horizon.")
    final_units: float = Field(description="Sum of the final over the horizon.")
    last_period_units: float | None = Field(description="Units of as many days up to the origin; null without history.")
    last_year_units: float | None = Field(
        description="Units of the same days (or weeks) 364 days before the horizon; null without history."
    )
    days: list[ForecastDay]


class DepartmentForecasts(Schema):
    """Departments by store, in order of store and department."""

    departments: list[DepartmentForecast]


class Node(Schema):
    """A node of the hierarchy: a sum over series."""

    node_id: str = Field(examples=["store:CA_1"])
    level: int = Field(ge=1, le=12, examples=[3])
    level_name: LevelName
    region_id: RegionId | None = None
    store_id: StoreId | None = None
    category_id: CategoryId | None = None
    department_id: DepartmentId | None = None
    item_id: ItemId | None = None


class WeekForecast(Schema):
    """Forecast of a week's sum. Its quantiles are its own: those of the days do not add up to them."""

    first_date: date
    last_date: date
    mean: Units
    quantiles: QuantileMap | None
    final: Units = Field(description="Sum after the overrides in force; the mean itself without one.")


class NodeForecast(Node):
    """A node's forecast, and its past when `history_days` asks for it."""

    forecast_units: float = Field(description="Sum of the mean over the horizon.")
    final_units: float = Field(description="Sum of the final over the horizon.")
    days: list[ForecastDay]
    weeks: list[WeekForecast] = Field(
        description="Sums of seven days from the origin on, at levels 1 to 9; empty for items and for older runs."
    )
    history: list[HistoryDay] = Field(description="Oldest first; empty unless `history_days` is set.")


class NodePage(Schema):
    """Nodes of one level, all from one run."""

    run: RunRef
    scope: list[str] = Field(description="Stores that the run's sums are over.")
    level: int = Field(ge=1, le=12)
    level_name: LevelName
    nodes: list[NodeForecast]
    total: int = Field(ge=0)
    next_cursor: str | None


class BulkRow(Schema):
    """One day of one series; CSV and Arrow have a column for each field and one `q_…` per quantile."""

    run_id: RunId
    store_id: StoreId
    item_id: ItemId
    date: date
    mean: Units
    quantiles: QuantileMap | None
    final: Units = Field(description="Mean after the overrides in force; the mean itself without one.")


class Bulk(Schema):
    """Many forecasts; JSON form of `/forecast/bulk`."""

    rows: list[BulkRow]


class SeriesKey(Schema):
    """Names one series."""

    item_id: Annotated[str, Field(min_length=1, max_length=128, description="Item.", examples=[ITEM_EXAMPLE])]
    store_id: Annotated[str, Field(min_length=1, max_length=64, description="Store.", examples=[STORE_EXAMPLE])]


class BulkRequest(Schema):
    """The series to answer for, by name."""

    series: list[SeriesKey] = Field(min_length=1, examples=[[{"item_id": ITEM_EXAMPLE, "store_id": STORE_EXAMPLE}]])
    quantiles: list[
        Annotated[float, Field(json_schema_extra={"enum": list(QUANTILES)}, description="A stored probability.")]
    ] = Field(default_factory=list, max_length=50, examples=[[0.025, 0.975]])


class Store(Schema):
    """A store with a served run."""

    store_id: StoreId
    region_id: RegionId
    series_count: int
    departments: list[DepartmentId]
    run: RunRef


class StoreList(Schema):
    """Served stores in order of name."""

    stores: list[Store]


class Department(Schema):
    """A department of at least one served store."""

    department_id: DepartmentId
    category_id: CategoryId
    series_count: int
    stores: list[StoreId]


class DepartmentList(Schema):
    """Departments in order of name."""

    departments: list[Department]


class CalendarDay(Schema):
    """One day with what is known about it in advance."""

    date: date
    weekday_name: str = Field(examples=["Saturday"])
    event_name: str | None = Field(examples=["SuperBowl"])
    flagged_regions: list[RegionId] = Field(description="Regions whose flag is set that day.")


class Calendar(Schema):
    """Days of the published history and of the horizon."""

    days: list[CalendarDay]


class MetricValue(Schema):
    """One figure of a backtest."""

    run_id: RunId
    fold: date = Field(description="Last day that the fold's model knew.")
    model: str = Field(examples=["middle_out"])
    level: int = Field(ge=0, le=12, description="1 to 12; 0 is the average of the levels.")
    metric: str = Field(examples=["wrmsse"])
    value: float | None


class ModelScore(Schema):
    """A model's figure averaged over the folds, at the average of the levels."""

    model: str
    metric: str
    folds: int
    value: float | None


class Accuracy(Schema):
    """Backtest of one run, its model beside the baselines."""

    run: RunRef
    summary: list[ModelScore]
    values: list[MetricValue]


class NodeError(Node, BacktestErrors):
    """Errors of a node, over the folds that were asked for."""

    tracking_signal: float | None = Field(
        description="Sum of errors over the mean absolute error of a day or week: beyond about 4 a bias is no "
        "accident. Null where no day was off."
    )
    baseline_rmsse: float | None = Field(description="RMSSE of seasonal naive on the same folds.")


class NodeErrors(Schema):
    """Nodes of one level of a run's backtest, the worst first."""

    run: RunRef
    model: str = Field(examples=["middle_out"])
    folds: list[date] = Field(description="Folds that the errors are over, newest first.")
    nodes: list[NodeError]


class LeadError(Errors):
    """Errors of all forecasts made so many days ahead, at one level; of a week, by its first day."""

    model: str = Field(examples=["middle_out"])
    level: int = Field(ge=1, le=12)
    lead_days: int = Field(ge=1, description="1 is the day after the origin.")


class LeadErrors(Schema):
    """A run's backtest by lead day."""

    run: RunRef
    folds: list[date] = Field(description="Folds that the errors are over, newest first.")
    leads: list[LeadError]


class Cause(Schema):
    """What one family of features moves a forecast by."""

    family: str = Field(examples=["weekday"])
    meaning: str = Field(examples=["the day of the week"])
    units_per_step: float = Field(
        description="Mean over the days (or weeks) of the horizon; all families add up to the forecast."
    )
    strongest_units: float = Field(description="On the day (or week) that it differs most from its own mean.")
    strongest_date: date
    days: list[float] = Field(description="Units on each day (or week) of `dates`.")


class Explanation(Schema):
    """Why a node, or an item under it, is forecast as it is; the strongest cause first after the level."""

    run: RunRef
    node_id: str = Field(description="Node that the causes are of.", examples=["store_department:CA_1|FOODS_1"])
    item_id: ItemId | None
    store_id: StoreId | None
    share: float | None = Field(description="The item's share of its node's forecast; null for a node.")
    recent_share: float | None = Field(description="Its share of what the node sold in the last 28 days.")
    dates: list[date]
    causes: list[Cause]


class ActiveStore(Schema):
    """Which run a store is served from."""

    store_id: StoreId
    run_id: RunId
    activated_at: AwareDatetime


class RunSummary(RunRef):
    """A run in the ledger."""

    version: str
    status: Literal["running", "published", "failed"]
    role: Literal["champion", "challenger"]
    reason: str | None
    created_at: AwareDatetime
    scope: list[str]
    active_stores: list[str] = Field(description="Stores that are served from this run now.")
    series_count: int | None
    forecast_rows: int | None
    node_rows: int | None
    git_commit: str | None
    data_fingerprint: str | None
    wrmsse: float | None = Field(description="Of the run's model, mean of the folds, average of the levels.")
    baseline_wrmsse: float | None = Field(description="Of sNaive on the same folds.")


class ModelStatus(Schema):
    """What is served now."""

    status: Literal["fresh", "stale", "empty"]
    age_days: float | None = Field(description="Days since the oldest active run was published.")
    max_age_days: float = Field(description="Older than this is stale.")
    version: str = Field(description="Changes with whatever changes served numbers: a run, a pointer, an override.")
    stores: list[ActiveStore]
    runs: list[RunSummary] = Field(description="The active runs, newest first.")


class RunPage(Schema):
    """Runs, newest first."""

    runs: list[RunSummary]
    total: int = Field(ge=0)
    next_cursor: str | None


class RunDetail(RunSummary):
    """A run with everything that made it."""

    parameters: dict[str, Any]
    metrics: dict[str, Any]
    mlflow_run_id: str | None
    checksum: str | None


class QualityResult(Schema):
    """One check."""

    check_id: int
    run_id: RunId | None
    suite: str
    dataset: str
    expectation: str
    severity: Literal["error", "warning"]
    success: bool
    observed: str | None
    checked_at: AwareDatetime


class SuiteSummary(Schema):
    """The latest results of one suite."""

    suite: str
    passed: int
    warnings: int = Field(description="Failed checks of severity warning.")
    errors: int = Field(description="Failed checks of severity error.")
    checked_at: AwareDatetime


class Quality(Schema):
    """The latest results by suite; failures first."""

    status: Literal["passed", "warning", "failed", "unknown"]
    suites: list[SuiteSummary]
    results: list[QualityResult]


class MonitorAlarm(Schema):
    """A metric that was bad in too many of the last weeks."""

    metric: str
    subject: str = Field(description="A node: `total` or `department:<id>`.")
    bad_weeks: int
    weeks: int = Field(description="Weeks that were looked at.")
    last_week: date = Field(description="Last day of the newest of them.")
    message: str
    raised_at: AwareDatetime
    cleared_at: AwareDatetime | None = Field(description="Null while the alarm holds.")


class MonitorWeek(Schema):
    """One metric of one week."""

    metric: str
    subject: str
    period_end: date = Field(description="Last day of the week.")
    run_id: RunId | None = Field(description="The run whose forecasts were compared; null for drift.")
    value: float
    low: float | None = Field(description="Smallest good value; null is open.")
    high: float | None = Field(description="Largest good value; null is open.")
    bad: bool


class Monitoring(Schema):
    """Alarms that hold and those cleared lately, and the newest weeks; bad weeks first."""

    status: Literal["passed", "alarm", "unknown"]
    measured_at: AwareDatetime | None
    alarms: list[MonitorAlarm]
    weeks: list[MonitorWeek]


class EventChange(Schema):
    """An event put on a day of the horizon, or taken away from it."""

    date: IsoDate
    event_name: str = Field(min_length=1, max_length=128, examples=["Christmas"])
    on: bool = Field(True, description="`false` takes a planned event away.")


class WhatIfRequest(Schema):
    """What to change, of an item in a store or of a department (in a store, or in all of them)."""

    item_id: str | None = Field(None, min_length=1, max_length=128, description="Item.", examples=[ITEM_EXAMPLE])
    store_id: str | None = Field(None, min_length=1, max_length=64, description="Store.", examples=[STORE_EXAMPLE])
    department_id: str | None = Field(None, min_length=1, max_length=64, description="Department.")
    price: float | None = Field(None, gt=0, le=1e6, description="New price of the item.")
    price_change_percent: float | None = Field(
        None, ge=-99, le=1000, description="New price against the planned one.", examples=[-5.0]
    )
    first_date: IsoDate | None = Field(None, description="First day of the change; the horizon's unless said.")
    last_date: IsoDate | None = Field(None, description="Last day of the change; the horizon's unless said.")
    flags: dict[Annotated[str, Field(min_length=1, max_length=64)], bool] = Field(
        default_factory=dict, max_length=10, description="Declared 0/1 columns that are known in advance, set anew."
    )
    events: list[EventChange] = Field(default_factory=list, max_length=10)
    method: Literal["elasticity", "model"] = Field(
        "elasticity", description="Whose answer to prices the days show: the elasticity's, or the item model's own."
    )


class TrustedRange(Schema):
    """Prices that history has seen, over the planned price."""

    lowest_ratio: float = Field(gt=0, le=1, examples=[0.8])
    highest_ratio: float = Field(ge=1, examples=[1.1])
    price: float | None = Field(description="Planned price of the item; none of a department.")
    lowest_price: float | None
    highest_price: float | None
    seen_by: Literal["item", "department"] = Field(
        description="`department`: the item's own price never moved, those of its department did."
    )
    share_of_units: float = Field(ge=0, le=1, description="Of the forecast: units of items that saw all of the range.")


class ItemElasticity(Schema):
    """Percent of units for a percent of price, with a 95 % interval."""

    item_id: str | None = Field(description="None: of the department.")
    elasticity: float | None
    low: float | None
    high: float | None
    own_estimate: bool = Field(description="`false`: the item's price hardly moved, its department's stands for it.")
    price_changes: int = Field(ge=0)


class Elasticity(Schema):
    """Of a department; none of one whose prices did not move."""

    department_id: DepartmentId
    elasticity: float | None = Field(description="Percent of units for a percent of price, against other items.")
    low: float | None = Field(description="Lower bound of the 95 % interval.")
    high: float | None
    standard_error: float | None = Field(description="Clustered by item.")
    item_spread: float | None = Field(description="Standard deviation of items around it.")
    items: int = Field(ge=0, description="Items whose prices moved against others.")
    own_estimates: int = Field(ge=0, description="Items with an estimate of their own.")
    price_changes: int = Field(ge=0)
    weeks: int = Field(ge=0, description="Weeks of history that it was learned from.")


class Elasticities(Schema):
    """Of the departments of a run, and of items of one."""

    run: RunRef
    departments: list[Elasticity]
    items: list[ItemElasticity] | None = Field(description="Of the department asked for.")


class ScenarioDay(Schema):
    """A day as it is forecast and as it would be."""

    date: date
    model: float = Field(ge=0, description="The model's, before overrides.")
    base: float = Field(ge=0, description="As it is served: the final.")
    scenario: Units
    low: Units
    high: Units


class WhatIfOutcome(Schema):
    """Sums over the days of the change."""

    units: Units
    low_units: float = Field(ge=0, description="With the elasticity's bounds; the model's answer has none.")
    high_units: Units
    revenue: float | None = Field(description="At the planned or new prices; none without prices.")


class PricePoint(Schema):
    """Units at a price over units at the planned price."""

    price_ratio: float
    elasticity: float | None = Field(description="None where it is not known for half of the units.")
    low: float | None
    high: float | None
    model: float | None


class LevelChange(Schema):
    """A node above the change, over its days; levels add up as those of the forecast do."""

    node_id: str
    level: int = Field(ge=1, le=9)
    base: Units
    scenario: Units


class WhatIf(Schema):
    """A scenario beside the forecast."""

    run: RunRef
    item_id: str | None
    store_id: str | None
    department_id: DepartmentId
    first_date: date
    last_date: date
    method: Literal["elasticity", "model"]
    price_ratio: float = Field(description="New price over the planned one.")
    trusted: TrustedRange | None = Field(description="None without prices.")
    elasticity: ItemElasticity | None
    model: WhatIfOutcome = Field(description="The model's forecast, before overrides.")
    base: WhatIfOutcome = Field(description="As it is served: the final, which the scenario multiplies.")
    overrides: list[int] = Field(description="Overrides in the final, by id.")
    by_elasticity: WhatIfOutcome | None
    by_model: WhatIfOutcome | None = Field(description="None of a run whose model does not say what prices do.")
    days: list[ScenarioDay]
    curve: list[PricePoint]
    events: list[str] = Field(description="Events of the history that can be put on a day.")
    flags: list[str] = Field(description="Declared 0/1 columns known in advance that can be set.")
    model_is_monotone: bool = Field(description="`false`: somewhere the model sells more at a higher price.")
    levels: list[LevelChange]


ReasonText = Annotated[
    str,
    Field(
        min_length=1,
        max_length=1000,
        pattern=r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$",
        description="Why, in a sentence.",
        examples=["Fair in town, second weekend of June"],
    ),
]
AuthorText = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        pattern=r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$",
        description="Who asks. Needed where authentication is off; else the authenticated name is recorded with it.",
        examples=["Ann Planner"],
    ),
]


class OverrideRequest(Schema):
    """A change of the forecast of one node."""

    node_id: str = Field(
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        description="Node of any of the twelve levels: the level's name and its keys.",
        examples=[f"store_department:{STORE_EXAMPLE}|{DEPARTMENT_EXAMPLE}"],
    )
    kind: Literal["percent", "absolute"] = Field(
        description="`percent` multiplies every series below the node by 1 + value / 100; `absolute` makes them add up "
        "to the value on each day, each keeping its share.",
        examples=["percent"],
    )
    value: float = Field(
        ge=-100,
        le=MAX_UNITS,
        allow_inf_nan=False,
        strict=True,
        description=f"Percent from -100 to {MAX_PERCENT}, or units a day (a week, of weekly sales) from 0 on.",
        examples=[10.0],
    )
    valid_from: date = Field(
        description="First day that is changed; of weekly sales, weeks that begin from it on.", examples=["2016-05-23"]
    )
    valid_to: date = Field(description="Last day that is changed.", examples=["2016-05-29"])
    reason: ReasonText
    author: AuthorText | None = None


class RevokeRequest(Schema):
    """Why an override is taken back."""

    reason: ReasonText
    author: AuthorText | None = None


class OverrideValue(Schema):
    """What overrides were worth on the days sold since, by the log of what was served."""

    days: int = Field(ge=1, description="Days (or weeks) measured; of several overrides, the sum of theirs.")
    last_day: date = Field(description="The newest of them.")
    model_error: Units = Field(description="Absolute errors of the model's mean at the override's node, summed up.")
    final_error: Units = Field(description="The same of the final, that is with all overrides then in force.")
    value_added: float | None = Field(
        le=1,
        description="Forecast value added at the node: 1 - final_error / model_error; below zero the model did better. "
        "Null where the model had no error.",
    )
    series_value_added: float | None = Field(le=1, description="The same of errors of the series below the node.")


class Override(Schema):
    """A change that a planner made; never deleted, at most revoked."""

    override_id: int = Field(ge=1, examples=[1])
    node_id: str
    level: int = Field(ge=1, le=12)
    level_name: LevelName
    kind: Literal["percent", "absolute"]
    value: float
    valid_from: date
    valid_to: date
    reason: str
    author: str
    created_at: AwareDatetime
    revoked_at: AwareDatetime | None
    revoked_by: str | None
    revoked_reason: str | None
    runs: list[str] = Field(description="Runs whose forecasts it changes or, for runs before, has changed.")
    measured: OverrideValue | None = Field(description="Null until `demand monitor` finds sales of its days.")


class OverridePage(Schema):
    """Overrides, newest first."""

    overrides: list[Override]
    total: int = Field(ge=0, description="Overrides that match, on all pages.")
    measured: OverrideValue | None = Field(
        description="Of all overrides ever measured, whatever is asked for; errors of days with several count in each."
    )
    next_cursor: str | None


class PreviewDay(Schema):
    """A day of a node before and after."""

    date: date
    mean: Units = Field(description="The model's.")
    final: Units = Field(description="With the overrides that are in force.")
    changed: Units = Field(description="With the override asked about, too.")


class OverridePreview(Schema):
    """What an override would change of its node."""

    node_id: str
    series: int = Field(ge=1, description="Items in stores below the node.")
    days: list[PreviewDay]


class OrderingTerms(Schema):
    """How an item is ordered."""

    lead_time_days: int = Field(ge=0, description="Whole days between an order and the first day it can be sold on.")
    review_period_days: int = Field(ge=1, description="Whole days between orders.")
    service_level: float = Field(gt=0, lt=1, description="Probability that stock is to last until the next order.")
    holding_cost: float = Field(ge=0, description="Of a unit for a year, as a share of its price.")
    shortage_cost: float = Field(ge=0, description="Of a unit asked for in vain, as a share of its price.")


class PolicySeries(Schema):
    """An item in a store, and how it is ordered."""

    item_id: ItemId
    store_id: StoreId
    department_id: DepartmentId
    category_id: CategoryId
    run_id: RunId
    price: float | None = Field(ge=0, description="Last known price; null without prices.")
    terms: OrderingTerms


class PolicyFigures(Schema):
    """What to hold and to order, from the run's origin on."""

    expected_demand: Units = Field(description="Mean demand over the lead time and the review period together.")
    safety_stock: float = Field(
        description="Order-up-to level less expected demand; below zero where the mean alone is more than is asked for."
    )
    reorder_point: int = Field(ge=0, description="With less on hand and under way, do not wait for the next review.")
    order_up_to: int = Field(ge=0, description="Units on hand and under way right after an order.")
    expected_short: Units = Field(description="Units expected to be asked for in vain before the next order arrives.")
    days_of_cover: float = Field(ge=0, description="How long the order-up-to level lasts at the expected demand.")
    mean_stock: Units = Field(description="Stock expected on hand, between an order's arrival and the next one's.")
    stock_value: float | None = Field(ge=0, description="Mean stock at the item's price.")


class InventoryPolicy(PolicyFigures, PolicySeries):
    """What to hold and to order of one item in one store, for the final forecast: after overrides."""

    model: PolicyFigures | None = Field(description="For the model's forecast; null where no override moves it.")
    overrides: list[int] = Field(
        description="Overrides on days of the lead time and the review period, in order of creation."
    )


class OrderSuggestion(Schema):
    """What to order, given what is there."""

    on_hand: Units
    on_order: Units
    order_units: int = Field(ge=0, description="Units that lift stock on hand and under way to the order-up-to level.")
    below_reorder_point: bool = Field(description="Stock may not last until an order that is placed now arrives.")


class InventoryAnswer(Schema):
    """Policy of one item in one store; with a suggestion when stock on hand was given."""

    run: RunRef
    policy: InventoryPolicy
    order: OrderSuggestion | None


class InventoryPage(Schema):
    """Policies that match, by item and store or by the value of their stock."""

    items: list[InventoryPolicy]
    total: int = Field(ge=0)
    next_cursor: str | None


class StockOfDepartment(Schema):
    """A department of a store."""

    store_id: StoreId
    department_id: DepartmentId
    category_id: CategoryId
    run_id: RunId
    items: int = Field(ge=0, description="Items with a policy.")
    unpriced_items: int = Field(ge=0, description="Those of them without a price: their stock has no value here.")


class StockFigures(Schema):
    """Sums over the policies of a department's items."""

    expected_demand: Units
    order_up_to: int = Field(ge=0)
    mean_stock: Units
    expected_short: Units
    stock_value: float = Field(ge=0, description="Mean stock at the items' prices.")
    safety_stock_value: float = Field(description="Safety stock at the items' prices.")


class InventoryDepartment(StockFigures, StockOfDepartment):
    """Stock of a department of a store, for the final forecast: after overrides."""

    model: StockFigures | None = Field(description="For the model's forecast; null where no override moves an item.")
    overridden_items: int = Field(ge=0, description="Items whose policy an override moves.")


class InventoryDepartments(Schema):
    """Every department of every store that matches."""

    departments: list[InventoryDepartment]


class UsedFeature(Schema):
    """A feature that the run's model reads."""

    part: str = Field(description="Part of the model: those of nodes, or `items`, which shares them out.")
    feature: str = Field(examples=["weekday_5"])
    importance: float = Field(
        ge=0,
        description="Of a part of nodes: mean units a day that it moves a store's department by, either way. "
        "Of `items`: its share of what splits of trees gained.",
    )


class LineageFeature(Schema):
    """A family of features behind the number: what it moves it by, and which features of the run are in it."""

    family: str = Field(examples=["weekday"])
    meaning: str
    units: float | None = Field(
        description="Of the node's contribution that day, in the item's share of the node; null of a family that "
        "only the item model reads, and of a run that stored none."
    )
    features: list[UsedFeature] = Field(description="Those that moved anything, by part, the most important first.")


class LineageChecks(Schema):
    """Data-quality checks of the run."""

    passed: int = Field(ge=0)
    failed: list[QualityResult]


class LineageOverride(Schema):
    """An override in the number, in the order in which they act."""

    override: Override
    factor: float | None = Field(description="Multiplies the item's units; null where it sets them.")
    units_each: float | None = Field(description="Units that it sets, where its node was forecast at zero.")


class MonitoredError(Schema):
    """How a published run did in a week that has been sold since."""

    run_id: RunId
    node_id: str
    period_end: date
    wape: float


class TrackRecord(Schema):
    """How forecasts of this kind have done before."""

    series: list[SeriesBacktest] = Field(description="This series on the run's backtest folds, newest first.")
    demand_class: Errors | None = Field(description="All series of its demand class on these folds.")
    lead_day: Errors | None = Field(description="All series on these folds, as many days ahead.")
    monitored: list[MonitoredError] = Field(description="Its department in weeks sold since, of published runs.")


class Lineage(Schema):
    """Where a served number comes from."""

    item_id: ItemId
    store_id: StoreId
    date: date
    mean: Units
    final: Units
    lead_days: int = Field(ge=1, description="1 is the day after the origin.")
    run: RunRef
    version: str = Field(description="Of the package that forecast it.")
    git_commit: str
    data_fingerprint: str = Field(description="Of the raw data behind the marts.")
    checksum: str | None = Field(description="Of all rows of the run, verified when it was published.")
    mlflow_run_id: str | None
    dbt_invocation_id: str | None = Field(
        description="Invocation of dbt that built the marts; null where the job did not build them itself."
    )
    node_id: str = Field(description="Store x department whose forecast is shared out to the item.")
    demand_class: str
    features: list[LineageFeature] = Field(description="Families, strongest first; empty where the run stored none.")
    checks: LineageChecks
    overrides: list[LineageOverride]
    track_record: TrackRecord
