"""Costs that grow by a known power are carried to the known place."""

from __future__ import annotations

import pytest

from benchmarks.scale import at, exponent, plan

SIZES = [3_000.0, 6_000.0, 30_000.0]


def test_a_known_power_is_found_and_carried_on() -> None:
    costs = [2.0 * size**0.9 for size in SIZES]
    assert exponent(SIZES, costs) == pytest.approx(0.9)
    assert at(10_000, SIZES, costs) == pytest.approx(2.0 * 10_000**0.9)


def test_workers_follow_from_linear_cost() -> None:
    # 10,000 series: 108 s; 1,000 tasks: 30 core hours; 16 cores at work for 1.5 usable hours: 1.25 workers, so 2
    assert "| workers for a night of 2 hours | 2 |" in plan(
        SIZES, [0.0108 * s for s in SIZES], [1e-4 * s for s in SIZES]
    )


def test_a_task_that_no_worker_can_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="holds 100 GB"):
        plan(SIZES, SIZES, [0.01 * s for s in SIZES])
