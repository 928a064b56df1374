"""Pure functions from daily API responses to the figures of a page: totals, comparisons and chart rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from api import schemas
from dashboard import charts, formats

Part = TypeVar("Part", schemas.ForecastDay, schemas.PeriodForecast)

YEAR_DAYS = 364
EVERYTHING = "1"
SKILL_THAT_COUNTS = 0.02
"""Relative gain over the baseline below which the text is `about the same`."""

BIAS_LIMIT = 0.05
"""Relative bias from which a department is called biased."""

TRACKING_LIMIT = 4.0
"""Tracking signal from which a bias is called systematic."""


@dataclass(frozen=True)
class Days:
    """Daily sales and forecasts of a node or series.

    Attributes:
        name: id of the node or item.
        origin: last day of known sales.
        forecast: days of the horizon, after the overrides in force (see `after_overrides`).
        weeks: sums of its weeks, with ranges of their own.
        horizon: sum of the whole horizon, with a range of its own; none in older runs.
        model: the model's forecast of overridden days.
        sold, price: units, and price where known, by day.
        step_days: days per value: 1, or 7, dated by the first day of the week.
    """

    name: str
    origin: dt.date
    forecast: tuple[schemas.ForecastDay, ...]
    sold: Mapping[dt.date, float]
    price: Mapping[dt.date, float]
    weeks: tuple[schemas.PeriodForecast, ...] = ()
    model: Mapping[dt.date, float] = field(default_factory=dict)
    step_days: int = 1
    horizon: schemas.PeriodForecast | None = None

    @property
    def step(self) -> str:
        """`day` or `week`."""
        return formats.step(self.step_days)

    @staticmethod
    def of_node(node: schemas.NodeForecast, run: schemas.RunRef) -> Days:
        """From a node of the hierarchy."""
        return Days(
            node.node_id,
            run.origin,
            tuple(map(after_overrides, node.days)),
            {day.date: day.units for day in node.history},
            {day.date: day.price for day in node.history if day.price is not None},
            tuple(map(after_overrides, node.weeks)),
            changed(node.days),
            run.step_days,
            None if node.horizon is None else after_overrides(node.horizon),
        )


def after_overrides(part: Part) -> Part:
    """A day or week with the final forecast as its mean."""
    return part if part.final == part.mean else part.model_copy(update={"mean": part.final})


def changed(days: Sequence[schemas.ForecastDay]) -> dict[dt.date, float]:
    """The model's mean on overridden days."""
    return {day.date: day.mean for day in days if day.final != day.mean}


@dataclass(frozen=True)
class Outlook:
    """Total of a node's next days, with past totals to compare.

    Attributes:
        first, last: the window.
        units: total forecast, with overrides.
        low, high: 2.5 % and 97.5 % quantiles of the total; none without quantiles. Those of a week and of the
            horizon are exact; for other spans, and items without a policy, the parts' are added up, which is too wide.
        range_of: basis of `low` and `high`: a `week` or the `horizon`, or `weeks` or `days` added up.
        step_days: days per period: 1, or 7 for weekly sales.
        last_period: units of as many days up to the origin; none where history is short.
        last_year: units of the same weekdays a year before; none where history is short.
    """

    first: dt.date
    last: dt.date
    units: float
    low: float | None
    high: float | None
    last_period: float | None
    last_year: float | None
    range_of: Literal["week", "horizon", "weeks", "days"] = "days"
    step_days: int = 1

    @property
    def step(self) -> str:
        """The forecast's period, `day` or `week`."""
        return formats.step(self.step_days)

    @property
    def against_last_period(self) -> float | None:
        """Relative change against the preceding days."""
        return formats.change(self.units, self.last_period)

    @property
    def against_last_year(self) -> float | None:
        """Relative change against the same weekdays a year before."""
        return formats.change(self.units, self.last_year)

    @property
    def half_width(self) -> float | None:
        """Half of the range relative to the forecast; none without a range."""
        if self.low is None or self.high is None or self.units == 0:
            return None
        return (self.high - self.low) / 2 / self.units


def outlook(days: Days, window_days: int) -> Outlook | None:
    """Total of the first `window_days` of the forecast; none without a forecast."""
    window = days.forecast[: window_days // days.step_days]
    if not window:
        return None
    dates = [day.date for day in window]
    last = dates[-1] + dt.timedelta(days=days.step_days - 1)
    before = [date - dt.timedelta(days=len(dates) * days.step_days) for date in dates]
    year = [date - dt.timedelta(days=YEAR_DAYS) for date in dates]
    weeks = [week for week in days.weeks if week.last_date <= last]
    whole = bool(weeks) and weeks[-1].last_date == last
    parts: Sequence[schemas.ForecastDay | schemas.PeriodForecast] = weeks if whole else window
    kind: Literal["week", "horizon", "weeks", "days"] = (
        "days" if not whole and days.step_days == 1 else "week" if len(parts) == 1 else "weeks"
    )
    total = days.horizon
    if kind != "week" and total is not None and total.quantiles and total.last_date == last:
        parts, kind = (total,), "horizon"
    return Outlook(
        dates[0],
        last,
        sum(day.mean for day in window),
        _quantile_sum(parts, "0.025"),
        _quantile_sum(parts, "0.975"),
        sold_on(days.sold, before),
        sold_on(days.sold, year),
        kind,
        days.step_days,
    )


def timeline_rows(
    days: Days,
    *,
    history_days: int,
    calendar: Mapping[dt.date, schemas.CalendarDay],
    region: str | None,
    bands: Sequence[tuple[str, str]],
) -> list[charts.Row]:
    """Rows of `charts.timeline`: `history_days` days up to the origin and every day of the forecast.

    A day is flagged if the region's flag is set or, if no region is picked, any region's.
    """
    first = days.origin - dt.timedelta(days=history_days - 1)
    rows: list[charts.Row] = []
    for offset in range(history_days):
        date = first + dt.timedelta(days=offset)
        units = days.sold.get(date)
        if units is not None:
            rows.append(
                _row(date, days, calendar, region)
                | {"actual": units, "tip_units": f"{formats.units(units)} sold", "tip_range": formats.NO_VALUE}
            )
    for day in days.forecast:
        quantiles = day.quantiles or {}
        row = _row(day.date, days, calendar, region) | {
            "mean": round(day.mean, 3),
            "model": days.model.get(day.date),
            "tip_units": f"{formats.units(day.mean)} forecast{_by_model(days, day.date)}",
            "tip_range": formats.range_text(quantiles.get("0.025"), quantiles.get("0.975")),
        }
        for low, high in bands:
            row[_field(low)] = quantiles.get(low)
            row[_field(high)] = quantiles.get(high)
        rows.append(row)
    return rows


def _by_model(days: Days, date: dt.date) -> str:
    model = days.model.get(date)
    return "" if model is None else f", {formats.units(model)} by the model"


def band_fields(bands: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Fields of `timeline_rows` for pairs of quantiles."""
    return [(_field(low), _field(high)) for low, high in bands]


def price_rows(days: Days, *, history_days: int) -> list[charts.Row]:
    """Rows of `charts.price_steps` for the days of the chart above."""
    first = days.origin - dt.timedelta(days=history_days - 1)
    return [
        {"date": charts.at(date), "price": value, "tip_day": charts.day_text(date), "tip_price": formats.price(value)}
        for date, value in sorted(days.price.items())
        if date >= first
    ]


def level_values(accuracy: schemas.Accuracy, model: str, metric: str, level: int) -> dict[dt.date, float]:
    """A metric of a model at a level by fold."""
    return {
        value.fold: value.value
        for value in accuracy.values
        if value.model == model and value.metric == metric and value.level == level and value.value is not None
    }


def fold_mean(accuracy: schemas.Accuracy, model: str, metric: str, level: int) -> float | None:
    """A metric averaged over the folds; none if no fold has it."""
    values = level_values(accuracy, model, metric, level).values()
    return sum(values) / len(values) if values else None


def baseline_of(accuracy: schemas.Accuracy) -> str | None:
    """Name of the seasonal-naive model (last week repeated) among the backtest's models; none without one."""
    names = {value.model for value in accuracy.values} - {accuracy.run.model}
    for name in sorted(names):
        if name.lower().replace("_", "").replace("-", "") in ("snaive", "seasonalnaive"):
            return name
    return None


@dataclass(frozen=True)
class Verdict:
    """The backtest of one level: averages over its nodes, on the newest fold.

    Attributes:
        fold: last day of sales known to the fold's model.
        wape: sum of absolute errors over units, by day; none where not measured.
        bias: relative bias, positive when the forecast was too high; none where not measured.
        coverage: share of days within their 95 % range; none where not measured.
        week_coverage, horizon_coverage: share of weeks and horizons within theirs; none where not measured.
    """

    fold: dt.date
    wape: float | None
    bias: float | None
    coverage: float | None
    week_coverage: float | None = None
    horizon_coverage: float | None = None


@dataclass(frozen=True)
class OwnBacktest:
    """The backtest of one node or of one item in one store.

    Attributes:
        folds: origins of the folds, newest first.
        skill: relative gain in RMSSE over the naive forecast, negative if worse; none without a naive forecast.
        naive: what the naive forecast repeats: last week, or the previous day.
        wape: sum of absolute errors over units; none where nothing was sold.
        bias: relative bias, positive when the forecast was too high; none where nothing was sold.
    """

    folds: tuple[dt.date, ...]
    skill: float | None
    naive: str
    wape: float | None
    bias: float | None

    @classmethod
    def of_node(cls, errors: schemas.NodeErrors, node_id: str) -> OwnBacktest | None:
        """Of a node; none if the run stored no errors for it."""
        found = next((node for node in errors.nodes if node.node_id == node_id), None)
        if found is None:
            return None
        skill = None if found.rmsse is None or not found.baseline_rmsse else 1 - found.rmsse / found.baseline_rmsse
        return cls(tuple(errors.folds), skill, "last week", found.wape, found.bias)

    @classmethod
    def of_series(cls, errors: schemas.SeriesBacktest, step: str) -> OwnBacktest:
        """Of an item in a store; without seasonal naive, RMSSE itself compares with the previous step."""
        skill = None if errors.rmsse is None else 1 - errors.rmsse
        return cls((errors.fold,), skill, f"the {step} before, {step} by {step}", errors.wape, errors.bias)

    @property
    def headline(self) -> str:
        """The verdict on a backtest."""
        if self.skill is None:
            return "Not compared"
        if self.skill > SKILL_THAT_COUNTS:
            return f"Yes: {formats.percent(self.skill)} better"
        if self.skill < -SKILL_THAT_COUNTS:
            return f"No: {formats.percent(-self.skill)} worse"
        return "About the same"

    @property
    def is_worse(self) -> bool:
        """Whether the naive forecast is clearly better."""
        return self.skill is not None and self.skill < -SKILL_THAT_COUNTS


def lost(errors: schemas.NodeErrors) -> list[str]:
    """Nodes for which the naive forecast is clearly better, worst first."""
    owns = [(node.node_id, OwnBacktest.of_node(errors, node.node_id)) for node in errors.nodes]
    worse = [(own.skill or 0.0, node_id) for node_id, own in owns if own and own.is_worse]
    return [node_id for _, node_id in sorted(worse)]


def levels_of(wanted: Sequence[str], served: Collection[int]) -> list[str]:
    """Those of the wanted levels that are distinct; the total if none is."""
    return [level for level in wanted if int(level) in served] or [EVERYTHING]


def verdict(accuracy: schemas.Accuracy, level: int) -> Verdict | None:
    """The newest fold at a level; none if the level was not measured."""
    model = accuracy.run.model
    folds = {value.fold for value in accuracy.values if value.model == model and value.level == level}
    if not folds:
        return None
    fold = max(folds)

    def at(name: str, metric: str) -> float | None:
        return level_values(accuracy, name, metric, level).get(fold)

    metrics = ("wape", "bias", "coverage_95", "coverage_95_week", "coverage_95_horizon")
    return Verdict(fold, *(at(model, metric) for metric in metrics))


def is_biased(node: schemas.NodeError) -> bool:
    """Whether a node's bias is both large and systematic."""
    return (
        node.bias is not None
        and node.tracking_signal is not None
        and abs(node.bias) > BIAS_LIMIT
        and abs(node.tracking_signal) > TRACKING_LIMIT
    )


def _row(date: dt.date, days: Days, calendar: Mapping[dt.date, schemas.CalendarDay], region: str | None) -> charts.Row:
    known = calendar.get(date)
    event = known.event_name if known else None
    flagged = bool(known and (region in known.flagged_regions if region else known.flagged_regions))
    year = days.sold.get(date - dt.timedelta(days=YEAR_DAYS))
    notes = [note for note in (event, "regional flag" if flagged else None) if note]
    return {
        "date": charts.at(date),
        "last_year": year,
        "event": event,
        "flag": flagged,
        "tip_day": charts.day_text(date),
        "tip_last_year": formats.units(year),
        "tip_event": ", ".join(notes) or formats.NO_VALUE,
    }


def _field(probability: str) -> str:
    return "q_" + probability.replace(".", "_")


def _quantile_sum(window: Sequence[schemas.ForecastDay | schemas.PeriodForecast], probability: str) -> float | None:
    values = [day.quantiles.get(probability) if day.quantiles else None for day in window]
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(window) else None


def sold_on(sold: Mapping[dt.date, float], dates: Sequence[dt.date]) -> float | None:
    """Units sold on all of some dates; none where one is not known."""
    known = [sold[date] for date in dates if date in sold]
    return sum(known) if len(known) == len(dates) else None
