"""The schemas of all responses. This module is the source of truth; `tests/api/openapi.json` pins it.

Routes and their models (all `GET` unless said; errors are `Problem` as `application/problem+json`):

| route | model | content |
|---|---|---|
| `/health` | `Health` | liveness |
| `/ready` | `Readiness` (200, or 503 when not ready) | store reachable, migrated, something published, age |
| `/forecast` | `SeriesForecast` | one item in one store, the days of the horizon |
| `/forecast/items` | `ItemPage` | search and filter the served series |
| `/forecast/departments` | `DepartmentForecasts` | by store and department: forecast, last weeks, last year |
| `/forecast/history` | `SeriesHistory` | recent sales of one item in one store |
| `/forecast/bulk` (GET, POST) | rows of `BulkRow` as JSON, CSV or an Arrow stream | many series at once |
| `/forecast/delta` | `ForecastDelta` | series that changed since an earlier run |
| `/forecast/hierarchy` | `NodePage` | nodes of any of the twelve levels, with optional history |
| `/stores`, `/departments` | `StoreList`, `DepartmentList` | served stores and departments |
| `/calendar` | `Calendar` | events and regional flags of the history and the horizon |
| `/forecast/explain` | `Explanation` | contributions to the forecast of a node or item |
| `/what-if` (POST) | `WhatIf` | the forecast with other prices, flags and events |
| `/elasticities` | `Elasticities` | own-price elasticities with intervals |
| `/inventory` | `InventoryAnswer` | ordering policy of one item in one store, after overrides |
| `/inventory/items` | `InventoryPage` | policies of all matching items |
| `/inventory/departments` | `InventoryDepartments` | stock and its value, by store and department |
| `/stock`, `/supply` (GET, PUT) | `StockState`, `SupplyTable` | stock on hand and on order; supply terms |
| `/inventory/orders` | `OrderPage`, or rows as CSV or an Arrow stream | order proposals with dates and reasons |
| `/inventory/orders/decisions` (GET, POST) | `DecisionPage`, `WrittenDecisions` | planners' decisions about orders |
| `/lineage` | `Lineage` | lineage of a served number |
| `/accuracy` | `Accuracy` | backtest by level, fold, model |
| `/accuracy/nodes`, `/accuracy/leads` | `NodeErrors`, `LeadErrors` | backtest by node, by lead day |
| `/model/status` | `ModelStatus` | served runs, their age and accuracy |
| `/model/runs`, `/model/runs/{run_id}` | `RunPage`, `RunDetail` | all runs |
| `/quality` | `Quality` | the latest data-quality checks |
| `/overrides` (GET, POST) | `OverridePage`, `Override` | what planners changed; one more |
| `/override-preview` (POST) | `OverridePreview` | what an override would change, without making it |
| `/overrides/{id}`, `/overrides/{id}/revoke` (POST) | `Override` | one; taken back |
| `/elasticities/moves` | `PriceMoves` | past price moves, and how many of them each method got right |
| `/monitoring` | `Monitoring` | alarms, and drift and live accuracy week by week |
| `/metrics` | text | Prometheus |

A response comes from the runs that were active when it was built, and names them. Units are units per day,
dates are ISO 8601, times are UTC. Quantiles are keyed by their probability as text (`"0.025"`).
"""

from __future__ import annotations

from api.schemas.accuracy import *
from api.schemas.base import *
from api.schemas.delta import *
from api.schemas.explanation import *
from api.schemas.forecast import *
from api.schemas.hierarchy import *
from api.schemas.inventory import *
from api.schemas.items import *
from api.schemas.lineage import *
from api.schemas.monitoring import *
from api.schemas.operation import *
from api.schemas.overrides import *
from api.schemas.places import *
from api.schemas.problems import *
from api.schemas.quality import *
from api.schemas.replenishment import *
from api.schemas.runs import *
from api.schemas.scenarios import *
