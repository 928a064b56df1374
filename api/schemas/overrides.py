"""Overrides that planners make."""

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


Overlaps = Annotated[
    list[int],
    Field(
        description="Other overrides in force that change one of its series on one of its days, newest first, at most "
        "20. Overrides act one after the other, so their effects compound."
    ),
]


class MadeOverride(Override):
    """An override that was just made."""

    overlaps: Overlaps
    warning: str | None = Field(description="Says that overrides overlap; null where none does.")


class OverridesRequest(Schema):
    """Overrides to make in one transaction: all of them, or none."""

    overrides: list[OverrideRequest] = Field(min_length=1, max_length=MOST_IN_BULK)


class MadeInBulk(Schema):
    """One of the overrides that were made in one transaction."""

    override_id: int = Field(ge=1, examples=[1])
    overlaps: Overlaps


class MadeOverrides(Schema):
    """Overrides that were made in one transaction, in the order of the request."""

    overrides: list[MadeInBulk]
    warning: str | None = Field(description="Says how many overlap others; null where none does.")


class OverridePage(Schema):
    """Overrides, newest first."""

    overrides: list[Override]
    total: int = Field(ge=0, description="Overrides that match, on all pages.")
    measured: OverrideValue | None = Field(
        description="Of all overrides measured, whatever the filters. A day with several overrides counts in each."
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
    overlaps: Overlaps
    days: list[PreviewDay]
