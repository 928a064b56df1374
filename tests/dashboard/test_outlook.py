from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from api import schemas
from dashboard import formats, outlook
from dashboard.outlook import Days
from dashboard.pages_ import causes

ORIGIN = dt.date(2016, 5, 22)
RUN = schemas.RunRef(run_id="r", model="ours", origin=ORIGIN, horizon_days=28, published_at=None)


def after(days: int) -> dt.date:
    return ORIGIN + dt.timedelta(days=days)


def some_days(*, quantiles: bool = True, history_days: int = 400) -> Days:
    forecast = tuple(
        schemas.ForecastDay(
            date=after(day),
            mean=10.0 + day,
            quantiles={"0.025": 5.0, "0.975": 20.0 + day} if quantiles else None,
            final=10.0 + day,
        )
        for day in range(1, 29)
    )
    sold = {after(-back): float(back) for back in range(history_days)}
    return Days("node", ORIGIN, forecast, sold, {})


def test_the_window_is_summed_and_compared_with_the_right_days() -> None:
    ahead = outlook.outlook(some_days(), 7)
    assert ahead is not None
    assert (ahead.first, ahead.last) == (after(1), after(7))
    assert ahead.units == sum(10 + day for day in range(1, 8))
    assert ahead.low == 35.0
    assert ahead.high == sum(20 + day for day in range(1, 8))
    assert ahead.last_period == sum(range(7))
    # the same weekday 52 weeks before after(d) is 364 - d days before the origin
    assert ahead.last_year == sum(364 - day for day in range(1, 8))
    assert ahead.half_width == pytest.approx((ahead.high - ahead.low) / 2 / ahead.units)


def test_weekly_sales_are_summed_by_their_weeks() -> None:
    starts = [after(1 + 7 * number) for number in range(4)]
    forecast = tuple(
        schemas.ForecastDay(
            date=start, mean=70.0 + number, quantiles={"0.025": 50.0, "0.975": 90.0}, final=70.0 + number
        )
        for number, start in enumerate(starts)
    )
    sold = {after(1 - 7 * back): 10.0 * back for back in range(1, 60)}
    days = Days("node", ORIGIN, forecast, sold, {}, step_days=7)
    week, month = outlook.outlook(days, 7), outlook.outlook(days, 28)
    assert week is not None
    assert month is not None
    assert (week.first, week.last, week.units, week.step) == (after(1), after(7), 70.0, "week")
    assert (week.low, week.high, week.range_of) == (50.0, 90.0, "week")
    assert (week.last_period, week.last_year) == (10.0, 520.0)
    assert (month.last, month.units, month.range_of) == (after(28), 70 + 71 + 72 + 73, "weeks")
    assert (month.last_period, month.last_year) == (10 + 20 + 30 + 40, 520 + 510 + 500 + 490)


def test_a_week_has_a_range_of_its_own_and_weeks_are_added_up() -> None:
    weeks = tuple(
        schemas.PeriodForecast(
            first_date=after(7 * number + 1),
            last_date=after(7 * number + 7),
            mean=100.0,
            quantiles={"0.025": 80.0 - number, "0.975": 120.0 + number},
            final=100.0,
        )
        for number in range(4)
    )
    days = dataclasses.replace(some_days(), weeks=weeks)
    week, month, odd = (outlook.outlook(days, window) for window in (7, 28, 10))
    assert week is not None
    assert month is not None
    assert odd is not None
    assert (week.low, week.high, week.range_of) == (80.0, 120.0, "week")
    assert (month.low, month.high, month.range_of) == (80 + 79 + 78 + 77, 120 + 121 + 122 + 123, "weeks")
    assert (odd.low, odd.range_of) == (50.0, "days")  # ten days are no weeks


def test_21_07_a_forecast_is_compared_with_the_same_weekdays() -> None:
    days, dates = some_days(), [after(day) for day in range(1, 29)]
    sold = days.sold
    assert causes.sold_before(days, dates, False) == pytest.approx(sum(sold[after(-back)] for back in range(28)))
    assert causes.sold_before(days, dates, True) == sum(sold[date - dt.timedelta(days=364)] for date in dates)
    same = [sold[dates[2] - dt.timedelta(weeks=week)] for week in range(1, 5)]
    assert causes.sold_before(days, [dates[2]], False) == pytest.approx(sum(same) / 4)
    assert causes.sold_before(some_days(history_days=10), dates, False) is None


def test_21_06_the_horizon_has_a_range_of_its_own() -> None:
    days = some_days()
    first, last = days.forecast[0].date, days.forecast[-1].date
    total = schemas.PeriodForecast(
        first_date=first, last_date=last, mean=900.0, quantiles={"0.025": 700.0, "0.975": 1100.0}, final=900.0
    )
    with_total = dataclasses.replace(days, horizon=total)
    whole, week = (outlook.outlook(with_total, window) for window in (len(days.forecast), 7))
    assert whole is not None
    assert week is not None
    assert (whole.low, whole.high, whole.range_of) == (700.0, 1100.0, "horizon")
    assert week.range_of == "days"


@pytest.mark.parametrize(
    ("bias", "signal", "biased"),
    [(0.06, 9.0, True), (-0.06, -9.0, True), (0.04, 9.0, False), (0.3, 2.0, False), (None, None, False)],
)
def test_biased_is_what_is_large_and_no_accident(bias: float | None, signal: float | None, biased: bool) -> None:
    node = schemas.NodeError(
        node_id="department:F", level=5, level_name="department", rmsse=1.0, baseline_rmsse=None,
        actual_units=1, forecast_units=1, absolute_error_units=1, wape=1, bias=bias, tracking_signal=signal,
    )  # fmt: skip
    assert outlook.is_biased(node) is biased


def test_without_quantiles_or_history_nothing_is_made_up() -> None:
    ahead = outlook.outlook(some_days(quantiles=False, history_days=3), 7)
    assert ahead is not None
    assert ahead.low is None
    assert ahead.high is None
    assert ahead.half_width is None
    assert ahead.last_period is None
    assert ahead.against_last_year is None
    assert outlook.outlook(Days("n", ORIGIN, (), {}, {}), 7) is None


def test_rows_of_the_picture_cover_each_day_once_and_mark_the_calendar() -> None:
    calendar = {
        after(-1): schemas.CalendarDay(date=after(-1), weekday_name="x", event_name="Feast", flagged_regions=["CA"])
    }
    bands = (("0.025", "0.975"),)
    rows = outlook.timeline_rows(some_days(), history_days=10, calendar=calendar, region="TX", bands=bands)
    assert len(rows) == 10 + 28
    assert [row["date"][:10] for row in rows] == [after(day).isoformat() for day in range(-9, 29)]
    marked = rows[8]
    assert marked["event"] == "Feast"
    assert marked["flag"] is False
    assert marked["actual"] == 1.0
    assert "actual" not in rows[10]
    assert (rows[10]["q_0_025"], rows[10]["q_0_975"]) == (5.0, 21.0)
    anywhere = outlook.timeline_rows(some_days(), history_days=10, calendar=calendar, region=None, bands=bands)
    assert anywhere[8]["flag"] is True
    assert anywhere[8]["tip_event"] == "Feast, regional flag"


def test_what_overrides_change_is_shown_after_them_beside_the_model() -> None:
    plain = schemas.ForecastDay(date=after(1), mean=10.0, quantiles={"0.025": 5.0, "0.975": 20.0}, final=10.0)
    raised = plain.model_copy(update={"date": after(2), "final": 15.0, "quantiles": {"0.025": 7.5, "0.975": 30.0}})
    from_nothing = plain.model_copy(update={"date": after(3), "mean": 0.0, "quantiles": None, "final": 4.0})
    forecast = [plain, raised, from_nothing]
    shown = [outlook.after_overrides(day) for day in forecast]
    assert [day.mean for day in shown] == [10.0, 15.0, 4.0]
    assert shown[0] == plain
    assert shown[1].quantiles == {"0.025": 7.5, "0.975": 30.0}
    days = Days("node", ORIGIN, tuple(shown), {}, {}, model=outlook.changed(forecast))
    ahead = outlook.outlook(days, 7)
    assert ahead is not None
    assert ahead.units == 29.0
    rows = outlook.timeline_rows(days, history_days=0, calendar={}, region=None, bands=())
    assert [row["model"] for row in rows] == [None, 10.0, 0.0]
    assert [row["tip_units"] for row in rows] == [
        "10 forecast",
        "15 forecast, 10 by the model",
        "4.0 forecast, 0 by the model",
    ]


def backtest(ours: float, theirs: float | None, *, level: int = 5) -> schemas.Accuracy:
    def value(model: str, metric: str, figure: float, fold: dt.date) -> schemas.MetricValue:
        return schemas.MetricValue(run_id="r", fold=fold, model=model, level=level, metric=metric, value=figure)

    newest, older = after(-28), after(-56)
    values = [
        value("ours", "wrmsse", ours, newest),
        value("ours", "wrmsse", 9.0, older),
        value("ours", "wape", 0.2, newest),
        value("ours", "bias", -0.03, newest),
    ]
    if theirs is not None:
        values += [value("seasonal_naive", "wrmsse", theirs, newest), value("seasonal_naive", "wrmsse", 9.0, older)]
    return schemas.Accuracy(run=RUN, summary=[], values=values)


def node_errors(ours: float, theirs: float | None, node_id: str = "CA_1 x FOODS_1") -> schemas.NodeError:
    return schemas.NodeError.model_construct(node_id=node_id, rmsse=ours, baseline_rmsse=theirs, wape=0.2, bias=-0.03)


@pytest.mark.parametrize(
    ("ours", "theirs", "headline"),
    [
        (0.6, 0.8, "Yes: 25\u202f% better"),
        (0.8, 0.6, "No: 33\u202f% worse"),
        (0.8, 0.805, "About the same"),
        (0.8, None, "Not compared"),
    ],
)
def test_21_05_a_pick_is_judged_by_its_own_backtest(ours: float, theirs: float | None, headline: str) -> None:
    nodes = [node_errors(0.1, 0.9, "good"), node_errors(ours, theirs)]
    errors = schemas.NodeErrors.model_construct(folds=[after(-28)], nodes=nodes)
    own = outlook.OwnBacktest.of_node(errors, "CA_1 x FOODS_1")
    assert own is not None
    assert (own.headline, own.wape, own.bias) == (headline, 0.2, -0.03)
    assert outlook.lost(errors) == (["CA_1 x FOODS_1"] if headline.startswith("No:") else [])
    assert outlook.OwnBacktest.of_node(errors, "elsewhere") is None


def test_21_05_an_item_is_judged_against_the_day_before() -> None:
    backtest = schemas.SeriesBacktest.model_construct(fold=after(-28), rmsse=4.0, wape=41.9, bias=40.0)
    own = outlook.OwnBacktest.of_series(backtest, "day")
    assert own.headline == "No: 300\u202f% worse"
    assert own.is_worse
    assert own.naive == "the day before, day by day"


def test_the_verdict_of_a_level_is_its_newest_fold() -> None:
    verdict = outlook.verdict(backtest(0.6, 0.8), 5)
    assert verdict is not None
    assert (verdict.fold, verdict.wape, verdict.bias, verdict.coverage) == (after(-28), 0.2, -0.03, None)


def test_a_level_that_was_not_measured_has_no_verdict() -> None:
    assert outlook.verdict(backtest(0.6, 0.8, level=5), 9) is None


def test_the_mean_of_folds_is_a_plain_mean() -> None:
    assert outlook.fold_mean(backtest(1.0, None), "ours", "wrmsse", 5) == 5.0
    assert outlook.fold_mean(backtest(1.0, None), "ours", "rmsse", 5) is None


def test_nested_parameters_become_lines() -> None:
    assert formats.flatten({"a": {"b": 1, "c": [1, 2]}, "d": 0.5}) == {"a.b": "1", "a.c": "[1, 2]", "d": "0.5"}
