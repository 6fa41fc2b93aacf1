"""One small lakehouse for the pictures; nothing of it is changed by a test."""

import pytest
import yaml

from lakehouse.boards.asking import Asking
from tests.boards.worlds import ROWS, lake_of


@pytest.fixture(scope="session")
def lake(server):
    """The lakehouse of tests/boards/worlds.py."""
    return lake_of("boards", server, ROWS)


@pytest.fixture(scope="session")
def bare(server):
    """A lakehouse that knows its shops and nothing else."""
    return lake_of("bare", server, {"gold.shops": ROWS["gold.shops"], "gold.shop_hours": []})


@pytest.fixture(scope="session")
def asking(lake):
    """Questions of it."""
    asking = Asking(lake)
    asking.pages()
    return asking


@pytest.fixture(scope="session")
def conf(lake, tmp_path_factory):
    """Its settings file."""
    file = tmp_path_factory.mktemp("boards") / "boards.yml"
    file.write_text(yaml.safe_dump({"buckets": lake.settings.buckets.model_dump()}))
    return file
