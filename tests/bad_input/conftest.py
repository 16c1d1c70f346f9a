"""The good project, built once and copied for every case."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.bad_input.shop import GOOD, Shop


@pytest.fixture(scope="session")
def built_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built") / "shop"
    shutil.copytree(GOOD, folder)
    said = Shop(folder).run("metricsql build")
    assert said.exit == 0, said.err
    return folder


@pytest.fixture
def shop(built_shop: Path, tmp_path: Path) -> Shop:
    """A copy of the good project with its built database."""
    folder = tmp_path / "shop"
    shutil.copytree(built_shop, folder)
    made = Shop(folder)
    made.remember()
    return made
