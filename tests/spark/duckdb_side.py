"""Raw tables and marts on DuckDB, for Spark's to be compared with: run by the main environment, which has it all."""

from __future__ import annotations

import sys
from pathlib import Path

from models_ml.sources.m5.ingest import ingest
from tests.dbt_project.project import Home, write_raw_files


def main(folder: Path) -> None:
    """Make raw files with every awkward case in `folder`, load them, and build the warehouse zone from them."""
    raw = folder / "raw"
    write_raw_files(raw)
    home = Home(folder, raw)
    ingest(raw, home.warehouse, memory_limit_gb=2.0)
    done = home.dbt("build", "--selector", "warehouse", "--exclude-resource-type", "test", "unit_test")
    if done.returncode != 0:
        sys.exit(done.stdout + done.stderr)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
