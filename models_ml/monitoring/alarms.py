"""Weeks judged by their bounds, and alarms where k of the last n are bad."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

from models_ml.monitoring.watches import Mode, Watch

WORDS = {
    "psi_units_mean_28": "the spread of mean sales per item differs from the year before",
    "psi_zero_share_28": "the share of days without sales differs from the year before",
    "psi_units_std_28": "the variability of sales per item differs from the year before",
    "wape": "forecasts missed by too much",
    "wape_against_baseline": "forecasts were barely more accurate than seasonal naive",
    "bias": "forecasts were biased",
    "coverage_95": "the 95 % range covered too few or too many sales",
}
"""What a bad week of each metric means to a planner."""


@dataclass(frozen=True)
class Alarm:
    """A metric that was bad in too many of the last weeks.

    Attributes:
        metric: the metric.
        subject: its node or department.
        bad_weeks: bad weeks among the last `weeks`.
        weeks: number of weeks examined.
        last_week: last day of the newest week.
        message: the alarm in one sentence.
        mode: `enabled`, or `dry-run` (reported, not raised).
    """

    metric: str
    subject: str
    bad_weeks: int
    weeks: int
    last_week: date
    message: str
    mode: Mode


def judged(weeks: pd.DataFrame, watches: Sequence[Watch]) -> pd.DataFrame:
    """Weeks of watched metrics with their bounds (`low`, `high`) and `bad` as 0 or 1.

    Args:
        weeks: columns metric, subject, period_end, value; `chance` where a value below it means nothing.
        watches: the bounds.
    """
    bounds = pd.DataFrame([{"metric": w.metric, "low": w.min, "high": w.max} for w in watches])
    if weeks.empty or bounds.empty:
        return weeks.iloc[:0].assign(low=[], high=[], bad=[])
    found = weeks.merge(bounds.astype({"low": float, "high": float}), on="metric")
    if "chance" in found:
        found["high"] = found["high"].where(
            found["chance"].isna() | (found["chance"] <= found["high"]), found["chance"]
        )
    bad = (found["value"] < found["low"]) | (found["value"] > found["high"])
    return found.assign(bad=bad.astype(int))


def raised(found: pd.DataFrame, watches: Sequence[Watch]) -> list[Alarm]:
    """Alarms from judged weeks; where several runs forecast a week, the newest champion's counts."""
    alarms = []
    for watch in watches:
        own = found[found["metric"] == watch.metric]
        if "role" in own:
            own = own[own["role"].isna() | (own["role"] == "champion")]
            own = own.sort_values(["period_end", "origin", "published_at"]).drop_duplicates(
                ["subject", "period_end"], keep="last"
            )
        for subject, weeks in own.groupby("subject", sort=True):
            last = weeks.sort_values("period_end").tail(watch.of_last)
            bad = last[last["bad"] == 1]
            if len(bad) >= watch.at_least:
                alarms.append(alarm_of(watch, str(subject), last, bad))
    return alarms


def alarm_of(watch: Watch, subject: str, last: pd.DataFrame, bad: pd.DataFrame) -> Alarm:
    """The alarm, in words."""
    newest = bad.iloc[-1]
    bounds = [("at least", newest["low"]), ("at most", newest["high"])]
    allowed = " and ".join(f"{word} {bound:.3g}" for word, bound in bounds if pd.notna(bound))
    message = (
        f"{subject.split(':', 1)[-1]}: {WORDS[watch.metric]}, in {len(bad)} of the last {len(last)} weeks "
        f"({watch.metric} {newest['value']:.3g} in the week to {newest['period_end']}; {allowed} is good)."
    )
    return Alarm(watch.metric, subject, len(bad), len(last), last["period_end"].max(), message, watch.mode)
