from __future__ import annotations

import resource
from pathlib import Path

import pytest

from expectations.run import run_zones
from models_ml.job.raw_data import ingest_raw, prepare_home
from models_ml.settings import Settings
from models_ml.warehouse import dbt


@pytest.mark.real_m5
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_real_data_of_all_stores_passes_in_little_memory(m5_zip: Path, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, data_dir=m5_zip)
    prepare_home(settings)
    ingest_raw(settings)
    # dbt's own tests have their place; here the marts are to be there.
    dbt.run(settings, ["build", "--selector", "warehouse", "--exclude-resource-type", "test", "unit_test"])
    for zone in ("raw", "marts"):
        summary = run_zones(settings, zone)
        assert not [r.sentence for r in summary.results if not r.success]
        assert len(summary.results) > 40
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 4 * 1024**2
