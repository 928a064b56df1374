"""dbt builds of the job: the marts before a training, the reports after a publish."""

from __future__ import annotations

import json

from models_ml import provenance
from models_ml.errors import StepError
from models_ml.job.wording import describe
from models_ml.settings import Settings
from models_ml.sources.report import IngestReport
from models_ml.warehouse import dbt


def build_warehouse(settings: Settings, ingested: IngestReport, *, force: bool) -> str:
    """Build the marts: of the rows that changed, or all of them anew where other code made them.

    Without tests: `check_data` runs those of the data before anything is published; unit tests have fixed inputs and
    belong to a change of the code (`demand build`, CI).

    A build that is killed leaves a stamp without data, a full refresh none: either way the next build makes it good.

    Returns:
        What was done, in a few words.
    """
    stamp = dbt.warehouse_stamp(settings)
    code = {
        "version": provenance.code_version(provenance.WAREHOUSE_FOLDERS),
        "target": settings.dbt_target,
        **dbt.project_variables(settings),
    }
    data = {"fingerprint": ingested.fingerprint, "stores": sorted(settings.store_list)}
    before = json.loads(stamp.read_text()) if stamp.exists() else {}
    full_refresh = force or before.get("code") != code
    if ingested.unchanged and not full_refresh and before.get("data") == data:
        return "built before from the same data by the same code"
    stamp.unlink(missing_ok=True)
    if not full_refresh:
        stamp.write_text(json.dumps({"code": code}))
    result = dbt.build(settings, "warehouse", full_refresh=full_refresh, without=["test", "unit_test"])
    stamp.write_text(json.dumps({"code": code, "data": data, "invocation_id": result.invocation_id}))
    return f"{describe(result)}{'' if full_refresh else '; incremental'}"


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
