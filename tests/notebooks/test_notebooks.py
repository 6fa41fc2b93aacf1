"""Each notebook answers its question on the lakehouse at hand, and says the same the next time."""

import subprocess
import sys

import pytest

from lakehouse import s3_server, settings
from lakehouse.settings import PROJECT

NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.py"))
pytestmark = [pytest.mark.notebooks, pytest.mark.timeout(600)]


@pytest.fixture(scope="module", autouse=True)
def storage():
    """The storage of the lakehouse at hand, started once for all of them."""
    with s3_server.running(settings.load(PROJECT / "conf" / "local.yml")):
        yield


def answer(notebook):
    """What a notebook prints, run from an empty interpreter."""
    done = subprocess.run(
        [sys.executable, notebook], capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_comes_to_its_conclusion_and_again_to_the_same(notebook):
    said = answer(notebook)
    assert said.strip().endswith("."), said
    assert answer(notebook) == said
