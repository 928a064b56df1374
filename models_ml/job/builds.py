"""dbt builds of the job: the marts before training, the reports after publishing."""

from __future__ import annotations

from models_ml.errors import StepError
from models_ml.job.wording import describe
from models_ml.settings import Settings
from models_ml.warehouse import dbt
from models_ml.warehouse.connection import warehouse_of
from models_ml.warehouse.identity import marts_identity, raw_identity


def build_warehouse(settings: Settings, *, force: bool) -> str:
    """Build the marts, unless they are up to date.

    Runs no tests: `checks.check_data` runs the data tests before publishing, and unit tests matter only when the code
    changes (`demand build`, CI).

    Args:
        settings: home, warehouse, source.
        force: rebuild all rows, even if up to date.

    Returns:
        A short summary.

    Raises:
        StepError: dbt failed.
    """
    warehouse = warehouse_of(settings)
    marts = marts_identity(warehouse)
    built_by_this_code = marts is not None and marts.code_version == dbt.marts_code(settings)
    if built_by_this_code and marts is not None and marts.raw == raw_identity(settings, warehouse) and not force:
        return "already built from the same data and code"
    full_refresh = force or not built_by_this_code
    result = dbt.build(settings, "warehouse", full_refresh=full_refresh, without=["test", "unit_test"])
    return f"{describe(result)}{'' if full_refresh else '; incremental'}"


def build_and_test(settings: Settings, selector: str, *, full_refresh: bool) -> str:
    """Build a zone and run its tests; marts built by other code are rebuilt from all rows.

    Returns:
        A short summary.

    Raises:
        StepError: a model or a test failed.
    """
    if selector == "warehouse":
        marts = marts_identity(warehouse_of(settings))
        full_refresh = full_refresh or (marts is not None and marts.code_version != dbt.marts_code(settings))
    return describe(dbt.build(settings, selector, full_refresh=full_refresh))


def build_reports(settings: Settings) -> str:
    """Rebuild the serving models after a publish or a promotion; a failure does not undo either.

    Returns:
        A short summary.

    Raises:
        StepError: dbt failed.
    """
    try:
        return describe(dbt.build(settings, "serving"))
    except StepError as error:
        raise StepError(
            f"The publish or promotion succeeded, but its reports are out of date. {error}\n"
            "Rebuild them with: demand build --selector serving"
        ) from error
