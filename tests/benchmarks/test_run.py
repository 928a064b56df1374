"""The benchmark of the main job reads what the command line says of its steps, and the memory of a session."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.run import STEP_ENDED, Run, record_cost, resident_bytes, row
from models_ml.cli.progress import Progress
from models_ml.sources.long.estimate import Size


def test_a_step_s_seconds_are_read_from_the_progress(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress().step("quality of the data") as step:
        step.note = "12 checks passed in 3.4 s"
    ended = [match for line in capsys.readouterr().err.splitlines() if (match := STEP_ENDED.match(line))]
    assert [(match[1].strip(), match[2]) for match in ended] == [("quality of the data", "0.0")]


def test_memory_is_of_one_session() -> None:
    own, session = Path(f"/proc/{os.getpid()}"), os.getsid(0)
    assert resident_bytes(own, session) > 20e6  # an interpreter with pandas
    assert resident_bytes(own, session + 1) == 0
    assert resident_bytes(Path("/proc/0"), 0) == 0  # has ended, or never was


def test_ratios_are_of_the_same_round() -> None:
    first, second = ([Run(seconds, 1.0, 2.0, {"publish": 4.4}) for seconds in of] for of in ((10, 40), (5, 10)))
    assert row("x", second, first) == "| x | 7.5 | 5-10 | 1 | 2.0 | 38 % | publish 4 |"


def test_a_cost_takes_the_place_of_the_same_size_s(tmp_path: Path) -> None:
    page = tmp_path / "costs.csv"
    record_cost(Size(500, 90_000, 4, 720), [Run(9.0, 30.0, 2.04, {})], page)
    record_cost(Size(40, 10_000, 4, 1_000), [Run(9.0, 7.4, 1.0, {})], page)
    record_cost(Size(500, 90_000, 90, 16_200), [Run(9.0, 80.0, 2.0, {})], page)
    record_cost(Size(500, 91_000, 4, 728), [Run(9.0, seconds, 2.5, {}) for seconds in (10.0, 20.0, 60.0)], page)
    assert page.read_text().splitlines() == [
        "series,series_days,nodes,node_days,cpu_seconds,peak_gigabytes",
        "40,10000,4,1000,7,1.0",
        "500,91000,4,728,20,2.5",
        "500,90000,90,16200,80,2.0",
    ]
