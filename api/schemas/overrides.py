"""Planners' overrides."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from api.schemas.base import DEPARTMENT_EXAMPLE, STORE_EXAMPLE, LevelName, Schema, Units
from models_ml.prediction_store.bounds import MAX_PERCENT, MAX_UNITS

MOST_IN_BULK = 10_000

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
        description="Author. Required if authentication is off; otherwise recorded with the authenticated name.",
        examples=["Ann Planner"],
    ),
]


class OverrideRequest(Schema):
    """A change of the forecast of one node."""

    node_id: str = Field(
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        description="Node of any level: the level's name and its keys.",
        examples=[f"store_department:{STORE_EXAMPLE}|{DEPARTMENT_EXAMPLE}"],
    )
    kind: Literal["percent", "absolute"] = Field(
        description="`percent` multiplies every series below the node by 1 + value / 100; `absolute` scales "
        "them in proportion so that they add up to the value on each day.",
        examples=["percent"],
    )
    value: float = Field(
        ge=-100,
        le=MAX_UNITS,
        allow_inf_nan=False,
        strict=True,
        description=f"Percent from -100 to {MAX_PERCENT}, or units a day (a week for weekly sales), at least 0.",
        examples=[10.0],
    )
    valid_from: date = Field(
        description="First overridden day; for weekly sales, weeks that begin on or after it.", examples=["2016-05-23"]
    )
    valid_to: date = Field(description="Last overridden day.", examples=["2016-05-29"])
    reason: ReasonText
    author: AuthorText | None = None


class RevokeRequest(Schema):
    """Why an override is revoked."""

    reason: ReasonText
    author: AuthorText | None = None


class OverrideValue(Schema):
    """Value added by overrides on days with known sales, from the log of served forecasts."""

    days: int = Field(ge=1, description="Measured days (or weeks), summed over overrides.")
    last_day: date = Field(description="Last measured day.")
    model_error: Units = Field(description="Sum of absolute errors of the model's mean at the override's node.")
    final_error: Units = Field(description="Sum of absolute errors of the final, with all overrides then active.")
    value_added: float | None = Field(
        le=1,
        description="Forecast value added at the node: 1 - final_error / model_error; negative if the model "
        "was better. Null if the model had no error.",
    )
    series_value_added: float | None = Field(
        le=1, description="Forecast value added, from errors of the series below the node."
    )


class Override(Schema):
    """A planner's override; it can be revoked but is never deleted."""

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
    runs: list[str] = Field(description="Runs whose forecasts it changes or changed.")
    measured: OverrideValue | None = Field(description="Null until `demand monitor` has sales for its days.")


Overlaps = Annotated[
    list[int],
    Field(
        description="Other active overrides that change one of its series on one of its days, newest first, "
        "at most 20. Overrides are applied in sequence, so their effects compound."
    ),
]


class MadeOverride(Override):
    """A new override."""

    overlaps: Overlaps
    warning: str | None = Field(description="Warning if overrides overlap, else null.")


class OverridesRequest(Schema):
    """Overrides to create in one transaction."""

    overrides: list[OverrideRequest] = Field(min_length=1, max_length=MOST_IN_BULK)


class MadeInBulk(Schema):
    """One of the overrides created in one transaction."""

    override_id: int = Field(ge=1, examples=[1])
    overlaps: Overlaps


class MadeOverrides(Schema):
    """Overrides created in one transaction, in the order of the request."""

    overrides: list[MadeInBulk]
    warning: str | None = Field(description="Warning if some overlap others, else null.")


class OverridePage(Schema):
    """Overrides, newest first."""

    overrides: list[Override]
    total: int = Field(ge=0, description="Number of matching overrides, on all pages.")
    measured: OverrideValue | None = Field(
        description="Over all measured overrides, regardless of filters. A day with several overrides counts for each."
    )
    next_cursor: str | None


class PreviewDay(Schema):
    """A day of a node before and after."""

    date: date
    mean: Units = Field(description="The model's.")
    final: Units = Field(description="With the active overrides.")
    changed: Units = Field(description="With the previewed override added.")


class OverridePreview(Schema):
    """Effect of an override on its node."""

    node_id: str
    series: int = Field(ge=1, description="Number of series below the node.")
    overlaps: Overlaps
    days: list[PreviewDay]
