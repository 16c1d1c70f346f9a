"""A real standalone cluster on the loopback address, from PySpark's own package, and a Spark Connect server."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

import metricsql
from tests.oracle.random_formulas import random_panel
from tests.panels import without_twins, write_panel
from tests.projects import build
from tests.spark.compare import differences
from tests.spark.conftest import why_not

pytestmark = pytest.mark.xdist_group("spark")
ROOT = Path(__file__).parents[2]
CONF = {"spark.executor.memory": "512m", "spark.driver.memory": "1g", "spark.cores.max": "2", "spark.executor.cores": "1",
        "spark.sql.shuffle.partitions": "2", "spark.sql.adaptive.enabled": "false", "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN", "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
        "spark.executor.extraJavaOptions": "-XX:TieredStopAtLevel=1", "spark.task.maxFailures": "8"}


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def started(kind: str, *words: str, port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A part of a cluster as a process of its own, listening on a port; it is ended with all that it started."""
    import pyspark

    home = Path(pyspark.__file__).parent
    environment = {**os.environ, "SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_NO_DAEMONIZE": "1",
                   "SPARK_DAEMON_MEMORY": "1g" if "submit" in kind.lower() else "256m",
                   "SPARK_WORKER_DIR": str(log.parent / "work"), "PYSPARK_PYTHON": sys.executable}
    command = [str(home / "bin" / "spark-class"), kind, *words]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=environment, start_new_session=True)
    try:
        wait_for(port, process, log)
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(20)


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(1200):
        with socket.socket() as asked:
            if asked.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, log.read_text(errors="replace")
        time.sleep(0.1)
    raise AssertionError(f"nothing listens on port {port}: {log.read_text(errors='replace')[-2000:]}")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """The address of a master, and its two workers with one core each."""
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    logs, port = tmp_path_factory.mktemp("cluster"), free_port()
    package = "org.apache.spark.deploy"
    address = f"spark://127.0.0.1:{port}"
    own = [free_port() for _ in range(2)]
    where = ["--host", "127.0.0.1", "--webui-port", "0"]
    worker = [f"{package}.worker.Worker", "--cores", "1", "--memory", "600m"]
    with started(f"{package}.master.Master", "--port", str(port), *where, port=port, log=logs / "master") as _, \
            started(*worker, "--port", str(own[0]), *where, address, port=own[0], log=logs / "worker 1") as first, \
            started(*worker, "--port", str(own[1]), *where, address, port=own[1], log=logs / "worker 2") as second:
        yield address, [first, second]


def project(folder: Path, engine: dict[str, object]) -> Path:
    """A random project whose file names a cluster."""
    file = write_panel(without_twins(random_panel(random.Random(3), metrics=8)), folder)
    declared = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump({**declared, "engine": {"spark": {**engine, "output": "results"}}}, allow_unicode=True))
    return file


def expected(tmp_path: Path) -> metricsql.Project:
    folder = tmp_path / "expected"
    folder.mkdir()
    return build(write_panel(without_twins(random_panel(random.Random(3), metrics=8)), folder))


def command(file: Path) -> subprocess.Popen[str]:
    """`metricsql build` as a process of its own: a process has one Spark session."""
    words = [sys.executable, "-c", "from metricsql.cli import main; main()", "build"]
    return subprocess.Popen(words, cwd=file.parent, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            env={**os.environ, "PYTHONPATH": str(ROOT), "SPARK_LOCAL_IP": "127.0.0.1"})


def test_a_worker_is_killed_in_the_middle(cluster: tuple[str, list[subprocess.Popen[bytes]]], tmp_path: Path) -> None:
    address, workers = cluster
    folder = tmp_path / "clustered"
    folder.mkdir()
    file = project(folder, {"master": address, "conf": CONF})
    process = command(file)
    while not list(folder.glob("results/build-1/series.*")) and process.poll() is None:  # rows are read, series are written
        time.sleep(0.02)
    assert process.poll() is None, process.communicate()[0]
    end(workers[1])
    said = process.communicate(timeout=300)[0]
    assert process.returncode == 0, said
    assert not (folder / "results/build-1/scratch").exists()
    assert differences(expected(tmp_path), metricsql.load(file)) == []


@pytest.mark.exhaustive
def test_a_connect_server(tmp_path: Path) -> None:
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    pytest.importorskip("grpc", reason="Spark Connect needs grpcio (pip install 'metricsql[spark]')")
    port = free_port()
    settings = {**CONF, "spark.master": "local[2]", "spark.connect.grpc.binding.port": str(port), "spark.ui.enabled": "false",
                "spark.connect.grpc.binding.address": "127.0.0.1"}
    conf = [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
    folder = tmp_path / "connected"
    folder.mkdir()
    file = project(folder, {"remote": f"sc://127.0.0.1:{port}", "conf": {"spark.sql.shuffle.partitions": 2}})
    server = "org.apache.spark.sql.connect.service.SparkConnectServer"
    words = [*conf, "--class", server, "spark-internal"]
    with started("org.apache.spark.deploy.SparkSubmit", *words, port=port, log=tmp_path / "server"):
        process = command(file)
        said = process.communicate(timeout=300)[0]
        assert process.returncode == 0, said
    assert differences(expected(tmp_path), metricsql.load(file)) == []


def test_a_cluster_that_is_not_there(tmp_path: Path) -> None:
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    folder = tmp_path / "lost"
    folder.mkdir()
    file = project(folder, {"remote": f"sc://127.0.0.1:{free_port()}"})
    process = command(file)
    said = process.communicate(timeout=120)[0]
    assert process.returncode == 3 and "error[no-cluster]" in said, said
    assert not (folder / "case.duckdb").exists()
