"""One Spark session for all tests of a worker; without Java or PySpark they are skipped, and say so.

`apt-get install openjdk-17-jre-headless` (or any Java from 17 on) and `pip install 'metricsql[spark]'` bring what is missing.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SMALL = {
    "spark.driver.memory": "2g", "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1", "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false", "spark.sql.shuffle.partitions": "2", "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
}
"""Compiling a query takes longer than running it on data as small as that of tests."""


def why_not() -> str | None:
    """What is missing for Spark on this machine."""
    if importlib.util.find_spec("pyspark") is None:
        return "PySpark is not installed (pip install 'metricsql[spark]')"
    java = shutil.which("java")
    said = subprocess.run([java, "-version"], capture_output=True, text=True).stderr if java else ""
    found = re.search(r'version "(\d+)', said)
    if found is None or int(found.group(1)) < 17:
        return "there is no Java 17 (apt-get install openjdk-17-jre-headless)"
    return None


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """A local session with two cores, which builds in the same process use, too."""
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").appName("tests")
    for name, value in SMALL.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()
