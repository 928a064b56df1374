"""The operation that loads raw tables on Databricks: read here, since only Databricks has `COPY INTO`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.dbt_project.project import Home

pytestmark = pytest.mark.dbt


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("operations")
    return Home(folder, folder)


def load(project: Home, arguments: str, target: str = "databricks") -> subprocess.CompletedProcess[str]:
    return project.dbt("--quiet", "run-operation", "load_raw_tables", "--args", arguments, target=target)


def test_replace_reads_each_file_into_its_table(project: Home, tmp_path: Path) -> None:
    done = load(project, "{path: /Volumes/retail/landing/m5/, dry_run: true}")
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("create or replace table `retail`.`raw_m5`.") == 4
    assert done.stdout.rindex("`raw_m5`.`ingest_log`") > done.stdout.rindex("format => 'csv'"), "told when all are loaded"
    assert "'/Volumes/retail/landing/m5' as source_path" in done.stdout
    assert "from read_files('/Volumes/retail/landing/m5/sell_prices.csv', format => 'csv'" in done.stdout
    file = tmp_path / "statements.sql"
    file.write_text(done.stdout)
    parsed = subprocess.run(
        [sys.executable, "-m", "sqlfluff", "parse", "--dialect", "databricks", "--ignore-local-config", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert parsed.returncode == 0, parsed.stdout[-3000:]


def test_append_copies_the_files_of_each_table(project: Home) -> None:
    done = load(project, "{path: /Volumes/retail/landing/m5, method: append, dry_run: true}")
    assert done.returncode == 0, done.stdout
    # No parser here knows COPY INTO: the statement as a person has read it.
    assert (
        """
create table if not exists `retail`.`raw_m5`.`sell_prices`;

copy into `retail`.`raw_m5`.`sell_prices`
from (select *, current_timestamp() as loaded_at from '/Volumes/retail/landing/m5')
fileformat = csv
pattern = 'sell_prices*.csv'
format_options ('header' = 'true', 'inferSchema' = 'true', 'mergeSchema' = 'true')
copy_options ('mergeSchema' = 'true');
"""
        in done.stdout
    )


def test_another_method_is_refused(project: Home) -> None:
    done = load(project, "{path: /Volumes/retail/landing/m5, method: merge}")
    assert done.returncode != 0
    assert "is 'replace' or 'append', not 'merge'" in done.stdout


def test_duckdb_is_told_of_ingest(project: Home) -> None:
    done = load(project, "{path: raw}", target="local")
    assert done.returncode != 0
    assert "demand ingest" in done.stdout
