"""Champion against challenger: whether a new run may be served, by rules in a file."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal, cast, get_args

import pandas as pd
from sqlalchemy import Engine, select

from models_ml.errors import InputError
from models_ml.forecasters.registry import BASELINE
from models_ml.prediction_store import pointers, read, runs
from models_ml.prediction_store.records import Role
from models_ml.prediction_store.schema import model_runs
from models_ml.prediction_store.transactions import reading

Mode = Literal["enabled", "dry-run", "disabled"]

THRESHOLDS = "promotion.toml"

JUDGED = ("wrmsse", "wspl", "bias", "wape", "rmsse", "mase")
"""Metrics that a rule may use; lower is better (bias: closer to zero)."""

HIGHEST_LEVEL = 12

Key = tuple[date, str, int, str]
"""Fold, model, level, metric."""


@dataclass(frozen=True)
class Rule:
    """A metric that must not be worse than the champion's by more than an allowance.

    Attributes:
        metric: of `JUDGED`.
        level: of the hierarchy; 0 is the mean of the levels.
        relative: allowance as a share of the champion's figure.
        absolute: allowance in the metric's own unit, on top.
        other_fold: relative allowance for runs backtested on different folds, as with weekly retraining: each run's
            figure is divided by seasonal naive's on its own fold. None: not compared.
        mode: whether the rule decides, only warns, or is off.
    """

    metric: str
    level: int = 0
    relative: float = 0.0
    absolute: float = 0.0
    other_fold: float | None = None
    mode: Mode = "enabled"

    def broken_by(self, candidate: float, champion: float) -> str | None:
        """A sentence if the candidate exceeds the allowance, else None."""
        if self.metric == "bias":
            candidate, champion = abs(candidate), abs(champion)
        return self.fault(candidate, champion, champion * (1 + self.relative) + self.absolute, "")

    def broken_on_other_folds_by(self, candidate: float, champion: float) -> str | None:
        """The same for figures relative to seasonal naive, each on its own fold."""
        if self.other_fold is None:
            return None
        limit = champion * (1 + self.other_fold)
        return self.fault(candidate, champion, limit, " relative to seasonal naive")

    def fault(self, candidate: float, champion: float, limit: float, relative: str) -> str | None:
        """The sentence for a figure over its limit."""
        if candidate <= limit:
            return None
        where = "the mean of the levels" if self.level == 0 else f"level {self.level}"
        sign = "|bias|" if self.metric == "bias" else self.metric.upper()
        return f"{sign}{relative} {candidate:.4f} on {where} against {champion:.4f}, at most {limit:.4f} allowed"


@dataclass(frozen=True)
class Thresholds:
    """The rules of a file."""

    rules: tuple[Rule, ...]
    source: Path


@dataclass(frozen=True)
class Champion:
    """The run that is served.

    Attributes:
        run_id: its id.
        model: its forecaster.
        metrics: of its backtest: its own model's and the baseline's.
    """

    run_id: str
    model: str
    metrics: Mapping[Key, float] = field(repr=False)

    @property
    def folds(self) -> set[date]:
        """The folds of its backtest."""
        return {fold for fold, model, _, _ in self.metrics if model == self.model}


@dataclass(frozen=True)
class Decision:
    """The decision on a run.

    Attributes:
        role: the role it is published with; a challenger is not served.
        reason: why it is a challenger, None for a champion.
        notes: what the user should know.
    """

    role: Role
    reason: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def serve(self) -> bool:
        """Whether stores will serve it."""
        return self.role == "champion"


def thresholds_path(home: Path) -> Path:
    """The home's thresholds file if there is one, else the package's."""
    own = home / THRESHOLDS
    return own if own.exists() else Path(__file__).with_name(THRESHOLDS)


def read_thresholds(path: Path) -> Thresholds:
    """Read a thresholds file.

    Raises:
        InputError: the file is not TOML, or has an unknown key or value; the message names it.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: {error}. Correct it, or delete it to use the package's rules.") from None
    mode = mode_of(content.pop("mode", "enabled"), path)
    listed = content.pop("rules", [])
    if content or not isinstance(listed, list):
        unknown = ", ".join(content) or "rules"
        raise InputError(f"{path}: unknown key {unknown}. Valid keys are `mode` and `[[rules]]`.")
    return Thresholds(tuple(rule_of(values, mode, path) for values in listed), path)


def mode_of(value: object, path: Path) -> Mode:
    """Validate a mode.

    Raises:
        InputError: the mode is unknown.
    """
    if value not in get_args(Mode):
        raise InputError(f"{path}: mode is {value!r}; it must be {', '.join(get_args(Mode))}.")
    return cast(Mode, value)


def rule_of(values: dict[str, Any], mode: Mode, path: Path) -> Rule:
    """One rule of a file; the file's general mode limits the rule's mode.

    Raises:
        InputError: a key or value is unknown.
    """
    unknown = set(values) - {"metric", "level", "relative", "absolute", "other_fold", "mode"}
    if unknown:
        raise InputError(f"{path}: a rule has an unknown key: {', '.join(sorted(unknown))}. Remove it.")
    if values.get("metric") not in JUDGED:
        raise InputError(f"{path}: a rule's metric is {values.get('metric')!r}; it must be {', '.join(JUDGED)}.")
    level = values.get("level", 0)
    if type(level) is not int or not 0 <= level <= HIGHEST_LEVEL:
        raise InputError(f"{path}: level of {values['metric']} is {level!r}; it must be 0 to {HIGHEST_LEVEL}.")
    for name in ("relative", "absolute", "other_fold"):
        allowed = values.get(name, 0.0)
        if type(allowed) not in (int, float) or not (math.isfinite(allowed) and allowed >= 0):
            raise InputError(f"{path}: {name} of {values['metric']} is {allowed!r}; it must be a number of at least 0.")
    own = mode_of(values.get("mode", mode), path)
    return Rule(**{**values, "mode": max(mode, own, key=("enabled", "dry-run", "disabled").index)})


def served_champion(engine: Engine, scope: Iterable[str], horizon_days: int) -> tuple[Champion | None, str]:
    """The run that every store of a scope serves, if it is a single run of exactly these stores and this horizon.

    Returns:
        The champion, or None with a sentence that says why.

    Raises:
        StoreError: the store cannot be read.
    """
    wanted = tuple(sorted(scope))
    with reading(engine) as connection:
        served = pointers.current(connection, wanted)
        names = {name for name in served.values() if name is not None}
        if not names:
            return None, "No run is served yet, so there is nothing to compare with."
        if len(names) > 1 or None in served.values():
            return None, "Its stores serve different runs, so there is no single champion to compare with."
        run = runs.find(connection, names.pop())
        if tuple(sorted(run.scope)) != wanted:
            return None, f"The served run {run.run_id} covers other stores, so its accuracy cannot be compared."
        if run.horizon_days != horizon_days:
            said = f"The served run {run.run_id} forecasts {run.horizon_days} days and this one {horizon_days}"
            return None, f"{said}, so their accuracy cannot be compared."
        rows = read.metrics(connection, run.run_id).to_pylist()
    metrics = {(row["fold"], row["model"], row["level"], row["metric"]): float(row["value"]) for row in rows}
    return Champion(run.run_id, run.model, metrics), ""


def rivals(champion: Champion | None, model: str, fold: date) -> list[str]:
    """Forecasters to backtest beside a new run's, to compare it with a champion that has another fold.

    If both have the same model, nothing is added: their gains over seasonal naive are compared instead.
    """
    if champion is None or champion.model == model or fold in champion.folds:
        return []
    return [champion.model]


def decide(
    run_id: str, model: str, metrics: pd.DataFrame, champion: Champion | None, absence: str, thresholds: Thresholds
) -> Decision:
    """Compare a run with the champion.

    Args:
        run_id: of the new run.
        model: its forecaster.
        metrics: of its backtest (columns fold, model, level, metric, value); may include the champion's model.
        champion: the served run; None if no comparable run is served.
        absence: why there is no champion.
        thresholds: the rules.

    Returns:
        Challenger if an enabled rule is violated, else champion.
    """
    rules = [rule for rule in thresholds.rules if rule.mode != "disabled"]
    if not rules:
        return Decision(
            "champion", notes=(f"Not compared with a champion: {thresholds.source.name} has no active rule.",)
        )
    if champion is None:
        return Decision("champion", notes=(f"{absence} It is served.",))
    if champion.run_id == run_id:
        return Decision("champion")
    own = figures(metrics)
    theirs, folds = comparable(own, model, champion)
    compared = 0
    broken: list[str] = []
    would: list[str] = []
    for rule in rules:
        if folds:
            pair, judge = on_folds(rule, folds, (own, model), (theirs, champion.model)), rule.broken_by
        elif rule.other_fold is not None:
            pair = skill(rule, own, model), skill(rule, champion.metrics, champion.model)
            judge = rule.broken_on_other_folds_by
        else:
            continue
        if pair[0] is None or pair[1] is None:
            continue
        compared += 1
        if fault := judge(pair[0], pair[1]):
            (broken if rule.mode == "enabled" else would).append(fault)
    if not folds and not compared:
        return Decision("champion", notes=(incomparable(own, model, champion),))
    where = ", ".join(map(str, folds)) or "different folds"
    said = f"worse than the champion {champion.run_id} ({champion.model}) on {where}: "
    notes = [f"dry-run: it would have been a challenger, {said}{'; '.join(would)}."] if would else []
    if broken:
        reason = said[0].upper() + said[1:] + "; ".join(broken) + "."
        return Decision("challenger", reason, (*notes, f"`demand promote {run_id}` serves it."))
    if not compared:
        notes.append(f"It and {champion.run_id} share no metric that {thresholds.source.name} judges. It is served.")
    return Decision("champion", notes=tuple(notes))


def on_folds(
    rule: Rule, folds: list[date], *sides: tuple[Mapping[Key, float], str]
) -> tuple[float | None, float | None]:
    """Figures of both sides (metrics and model) as means over their common folds; None if there are none."""
    keys = [[(fold, model, rule.level, rule.metric) for _, model in sides] for fold in folds]
    both = [[of[key] for (of, _), key in zip(sides, of_fold, strict=True)] for of_fold in keys
            if all(key in of for (of, _), key in zip(sides, of_fold, strict=True))]  # fmt: skip
    if not both:
        return None, None
    own, theirs = (sum(column) / len(both) for column in zip(*both, strict=True))
    return own, theirs


def skill(rule: Rule, of: Mapping[Key, float], model: str) -> float | None:
    """A model's figure relative to seasonal naive's, averaged over its folds; None if missing."""
    ratios = []
    for (fold, name, level, metric), value in of.items():
        baseline = abs(of.get((fold, BASELINE, level, metric), 0.0))
        if (name, level, metric) == (model, rule.level, rule.metric) and baseline > 0:
            ratios.append(abs(value) / baseline)
    return sum(ratios) / len(ratios) if ratios else None


def figures(metrics: pd.DataFrame) -> dict[Key, float]:
    """Rows of metrics by key."""
    rows = metrics[["fold", "model", "level", "metric", "value"]].itertuples(index=False, name=None)
    return {
        (pd.Timestamp(fold).date(), str(model), int(level), str(metric)): float(value)
        for fold, model, level, metric, value in rows
    }


def comparable(own: Mapping[Key, float], model: str, champion: Champion) -> tuple[Mapping[Key, float], list[date]]:
    """The champion's figures on the new run's folds: from its own backtest, else its model's from the new backtest."""
    folds = {fold for fold, name, _, _ in own if name == model}
    shared = folds & champion.folds
    if shared:
        return champion.metrics, sorted(shared)
    beside = {fold for fold, name, _, _ in own if name == champion.model and champion.model != model}
    return own, sorted(folds & beside)


def incomparable(own: Mapping[Key, float], model: str, champion: Champion) -> str:
    """A sentence that says why two runs cannot be compared."""
    folds = sorted({fold for fold, name, _, _ in own if name == model})
    if not folds:
        return f"It has no backtest, so it cannot be compared with the champion {champion.run_id}. It is served."
    theirs = ", ".join(map(str, sorted(champion.folds))) or "no fold"
    return (
        f"Backtested on {', '.join(map(str, folds))}, the champion {champion.run_id} on {theirs}: "
        "figures of different folds cannot be compared, and no rule compares them with seasonal naive's. It is served."
    )


def published_role(engine: Engine, run_id: str) -> Role | None:
    """The role of a run; None if it is not published."""
    query = select(model_runs.c.role).where(model_runs.c.run_id == run_id, model_runs.c.status == "published")
    with reading(engine) as connection:
        found = connection.execute(query).scalar_one_or_none()
    return cast(Role | None, found)
