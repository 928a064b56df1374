"""Where these tests run: in an environment of their own."""

from __future__ import annotations

import pytest

from tests.spark.conftest import HAS_SPARK

pytestmark = pytest.mark.spark


@pytest.mark.skipif(not HAS_SPARK, reason="No Spark in this environment: `make test-spark` makes one with it")
def test_spark_is_the_one_that_delta_is_made_for() -> None:
    import pyspark

    from tests.spark.session import DELTA, JARS_LOCK

    assert f"delta-spark_{'.'.join(pyspark.__version__.split('.')[:2])}_" in DELTA
    assert f"{DELTA.replace(':', '_', 1).replace(':', '-')}.jar" in JARS_LOCK.read_text()
