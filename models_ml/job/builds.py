"""dbt builds of the job: the marts before a training, the reports after a publish."""

from __future__ import annotations

from models_ml.errors import StepError
from models_ml.job.wording import describe
from models_ml.settings import Settings
from models_ml.warehouse import dbt
from models_ml.warehouse.connection import warehouse_of
from models_ml.warehouse.identity import marts_identity, raw_identity


def build_warehouse(settings: Settings, *, force: bool) -> str:
    """Build the marts of the raw tables, unless they are built.

    Without tests: `checks.check_data` runs those of the data before anything is published; unit tests have fixed
    inputs and belong to a change of the code (`demand build`, CI).

    Args:
        settings: home, warehouse, source.
        force: build all rows, whatever is built.

    Returns:
        What was done, in a few words.

    Raises:
        StepError: dbt failed.
    """
    warehouse = warehouse_of(settings)
    marts = marts_identity(warehouse)
    built_by_this_code = marts is not None and marts.code_version == dbt.marts_code(settings)
    if built_by_this_code and marts is not None and marts.raw == raw_identity(settings, warehouse) and not force:
        return "built before from the same data by the same code"
    full_refresh = force or not built_by_this_code
    result = dbt.build(settings, "warehouse", full_refresh=full_refresh, without=["test", "unit_test"])
    return f"{describe(result)}{'' if full_refresh else '; incremental'}"


def build_and_test(settings: Settings, selector: str, *, full_refresh: bool) -> str:
    """Build a zone and run its tests; marts that other code built are built from all rows.

    Returns:
        What was done, in a few words.

    Raises:
        StepError: a model or a test failed.
    """
    if selector == "warehouse":
        marts = marts_identity(warehouse_of(settings))
        full_refresh = full_refresh or (marts is not None and marts.code_version != dbt.marts_code(settings))
    return describe(dbt.build(settings, selector, full_refresh=full_refresh))


def build_reports(settings: Settings) -> str:
    """Rebuild the serving models after a publish or a promotion, which stands whatever becomes of them.

    Returns:
        What was built, in a few words.

    Raises:
        StepError: dbt failed.
    """
    try:
        return describe(dbt.build(settings, "serving"))
    except StepError as error:
        raise StepError(
            f"What was published or promoted stands and is served; its reports are those of before. {error}\n"
            "Repeat them by: demand build --selector serving"
        ) from error
