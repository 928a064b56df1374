from __future__ import annotations

import resource
from pathlib import Path

import pytest

from expectations.run import run_zones
from models_ml.settings import Settings
from models_ml.sources.m5.ingest import ingest


@pytest.mark.real_m5
@pytest.mark.slow
def test_real_raw_data_of_all_stores_passes_in_little_memory(m5_zip: Path, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, data_dir=m5_zip)
    ingest(m5_zip, settings.warehouse_path, memory_limit_gb=2.5)
    summary = run_zones(settings, "raw")
    assert not [r.sentence for r in summary.results if not r.success]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 4 * 1024**2
