from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models_ml.errors import InputError
from models_ml.job import promotion
from models_ml.job.promotion import Champion, Rule, Thresholds, decide

FOLD, OTHER_FOLD = date(2016, 4, 24), date(2016, 3, 27)
SOURCE = Path("promotion.toml")


def metrics(model: str, fold: date = FOLD, **values: float) -> pd.DataFrame:
    level = {"bias": 1}
    rows = [(fold, model, level.get(name, 0), name, value) for name, value in values.items()]
    return pd.DataFrame(rows, columns=["fold", "model", "level", "metric", "value"])


def champion(model: str = "old", fold: date = FOLD, **values: float) -> Champion:
    return Champion("run_champion", model, promotion.figures(metrics(model, fold, **values)))


def thresholds(*rules: Rule) -> Thresholds:
    return Thresholds(rules, SOURCE)


figure = st.floats(0.001, 10)
allowance = st.floats(0, 0.5)


@given(new=figure, old=figure, relative=allowance, absolute=allowance)
def test_a_run_is_a_challenger_exactly_when_it_is_worse_beyond_the_threshold(
    new: float, old: float, relative: float, absolute: float
) -> None:
    rule = Rule("wrmsse", relative=relative, absolute=absolute)
    decision = decide("run_new", "new", metrics("new", wrmsse=new), champion(wrmsse=old), "", thresholds(rule))
    assert (decision.role == "challenger") == (new > old * (1 + relative) + absolute)
    assert decision.serve == (decision.role == "champion")
    assert (decision.reason is not None) == (decision.role == "challenger")


@given(new=figure, old=figure, mode=st.sampled_from(["dry-run", "disabled"]))
def test_only_an_enabled_rule_keeps_a_run_from_being_served(new: float, old: float, mode: promotion.Mode) -> None:
    rule = Rule("wrmsse", mode=mode)
    decision = decide("run_new", "new", metrics("new", wrmsse=new), champion(wrmsse=old), "", thresholds(rule))
    assert decision.serve
    assert any("would have been" in note for note in decision.notes) == (mode == "dry-run" and new > old)


def test_bias_counts_without_its_sign() -> None:
    rule = Rule("bias", level=1, absolute=0.01)
    for new, old, role in ((-0.02, 0.03, "champion"), (-0.05, 0.03, "challenger"), (0.05, -0.03, "challenger")):
        assert decide("r", "new", metrics("new", bias=new), champion(bias=old), "", thresholds(rule)).role == role


def test_the_reason_names_the_figures_the_champion_and_the_fold() -> None:
    decided = decide(
        "r", "new", metrics("new", wrmsse=0.7), champion(wrmsse=0.5), "", thresholds(Rule("wrmsse", relative=0.02))
    )
    assert decided.reason is not None
    for said in ("0.7000", "0.5000", "0.5100", "run_champion", "old", "2016-04-24"):
        assert said in decided.reason
    assert "demand promote r" in decided.notes[-1]


def test_another_fold_is_not_compared_and_says_so() -> None:
    worse = metrics("new", wrmsse=9.0)
    decided = decide("r", "new", worse, champion(fold=OTHER_FOLD, wrmsse=0.5), "", thresholds(Rule("wrmsse")))
    assert decided.serve
    assert "different folds" in decided.notes[0]


@pytest.mark.parametrize(("new", "role"), [(0.64, "champion"), (0.66, "challenger")])
def test_runs_of_different_folds_are_compared_by_what_they_gain_over_seasonal_naive(
    new: float, role: promotion.Role
) -> None:
    """The champion has half of seasonal naive's error; 30 % more than that is allowed, whatever the folds are."""
    old = Champion(
        "run_champion",
        "same",
        promotion.figures(
            pd.concat([metrics("same", OTHER_FOLD, wrmsse=0.4), metrics("seasonal_naive", OTHER_FOLD, wrmsse=0.8)])
        ),
    )
    now = pd.concat([metrics("same", wrmsse=new), metrics("seasonal_naive", wrmsse=1.0)])
    decided = decide("r", "same", now, old, "", thresholds(Rule("wrmsse", relative=0.02, other_fold=0.3)))
    assert decided.role == role
    if decided.reason is not None:
        assert "relative to seasonal naive 0.6600" in decided.reason
        assert "at most 0.6500" in decided.reason


def test_the_champions_model_backtested_beside_stands_in_for_its_figures_of_another_fold() -> None:
    old = champion(fold=OTHER_FOLD, wrmsse=0.5)
    assert promotion.rivals(old, "new", FOLD) == ["old"]
    assert promotion.rivals(old, "old", FOLD) == []
    assert promotion.rivals(champion(wrmsse=0.5), "new", FOLD) == []
    both = pd.concat([metrics("new", wrmsse=0.9), metrics("old", wrmsse=0.6)])
    assert decide("r", "new", both, old, "", thresholds(Rule("wrmsse"))).role == "challenger"


def test_without_a_backtest_or_a_champion_it_is_served_and_says_so() -> None:
    rules = thresholds(Rule("wrmsse"))
    bare = decide("r", "new", metrics("new"), champion(wrmsse=0.5), "", rules)
    first = decide("r", "new", metrics("new", wrmsse=1.0), None, "No run is served yet.", rules)
    assert bare.serve
    assert "no backtest" in bare.notes[0]
    assert first.serve
    assert "No run is served yet." in first.notes[0]


def test_the_run_that_is_served_is_no_challenger_to_itself() -> None:
    own = champion("new", wrmsse=0.5)
    assert decide(own.run_id, "new", metrics("new", wrmsse=9.0), own, "", thresholds(Rule("wrmsse"))).serve


def test_the_packages_rules_can_be_read_and_judge_wrmsse_wspl_and_bias(tmp_path: Path) -> None:
    rules = promotion.read_thresholds(promotion.thresholds_path(tmp_path)).rules
    assert {rule.metric for rule in rules} == {"wrmsse", "wspl", "bias"}
    assert all(rule.mode == "enabled" for rule in rules)


def test_the_homes_own_rules_take_their_place(tmp_path: Path) -> None:
    (tmp_path / promotion.THRESHOLDS).write_text('mode = "dry-run"\n[[rules]]\nmetric = "wape"\nrelative = 0.5\n')
    (rule,) = promotion.read_thresholds(promotion.thresholds_path(tmp_path)).rules
    assert rule == Rule("wape", relative=0.5, mode="dry-run")


@pytest.mark.parametrize(
    ("general", "own", "becomes"),
    [("enabled", "dry-run", "dry-run"), ("dry-run", "enabled", "dry-run"), ("disabled", "enabled", "disabled")],
)
def test_a_rule_is_never_stricter_than_the_file(tmp_path: Path, general: str, own: str, becomes: str) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(f'mode = "{general}"\n[[rules]]\nmetric = "wrmsse"\nmode = "{own}"\n')
    assert promotion.read_thresholds(path).rules[0].mode == becomes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mode = 'on'", "'on'"),
        ("rules = [", "promotion.toml"),
        ("rule = 1", "unknown key rule"),
        ("[[rules]]\nmetric = 'accuracy'", "'accuracy'"),
        ("[[rules]]\nmetric = 'wrmsse'\nlevel = 13", "13"),
        ("[[rules]]\nmetric = 'wrmsse'\nrelative = -0.1", "-0.1"),
        ("[[rules]]\nmetric = 'wrmsse'\nabsolute = nan", "nan"),
        ("[[rules]]\nmetric = 'wrmsse'\nthreshold = 1", "threshold"),
        ("[[rules]]\nmetric = 'wrmsse'\nmode = 'dry'", "'dry'"),
    ],
)
def test_a_bad_file_is_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "promotion.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"promotion\.toml") as refused:
        promotion.read_thresholds(path)
    assert said in str(refused.value)
