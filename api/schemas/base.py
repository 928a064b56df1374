"""Types shared by several groups of schemas."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

ITEM_EXAMPLE = "FOODS_1_001"
STORE_EXAMPLE = "CA_1"
DEPARTMENT_EXAMPLE = "FOODS_1"
CATEGORY_EXAMPLE = "FOODS"
REGION_EXAMPLE = "CA"
RUN_EXAMPLE = "run_3f2a9c41d07b5e68"
_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}$", re.ASCII)


def _iso_date(value: object) -> object:
    """Reject seconds since 1970, which pydantic would accept as a date."""
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
        description="Quantiles of demand in units, keyed by probability.",
        examples=[{"0.025": 0.0, "0.5": 1.0, "0.975": 4.2}],
    ),
]
Mean = Annotated[float, Field(ge=0, description="Units forecast by the model, before overrides.")]
Final = Annotated[float, Field(ge=0, description="Units after active overrides; equals `mean` without any.")]
FinalQuantiles = Annotated[
    QuantileMap | None,
    Field(
        description="Quantiles of `final`; multiply by `mean` / `final` for the model's. Null if there is no "
        "distribution: for sums of items over stores, runs without quantiles, and units that an "
        "override sets where the mean is zero.",
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
    """Base of all models; unknown fields are rejected."""

    model_config = ConfigDict(extra="forbid")


class RunRef(Schema):
    """The run of a response."""

    run_id: RunId
    model: str = Field(examples=["middle_out"])
    origin: date = Field(description="Last day of sales known to the run.", examples=["2016-05-22"])
    horizon_days: int = Field(ge=1, examples=[28])
    step_days: int = Field(1, description="Days per value of forecast and history: 1, or 7 for weekly sales.")
    published_at: AwareDatetime | None
