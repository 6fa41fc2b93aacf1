"""Each notebook answers its question on the lakehouse at hand, and says the same the next time; where a
server of Spark may read its tables, through that.
"""

import os
import subprocess
import sys

import pytest

from lakehouse import readers, s3_server, settings
from lakehouse.settings import PROJECT
from tests.serving.processes import start, stop

NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.py"))
_OF_OPS = {"late_and_quarantined"}  # which no role of the server reads
pytestmark = [pytest.mark.notebooks, pytest.mark.timeout(600)]


@pytest.fixture(scope="module", autouse=True)
def scientists(tmp_path_factory):
    """The storage of the lakehouse at hand and the server of scientists, started once for all."""
    folder = tmp_path_factory.mktemp("served")
    with s3_server.running(settings.load(PROJECT / "conf" / "local.yml")):
        served = {"scientist": start("scientist", folder)}
        try:
            yield {readers.CONNECT: "scientist"}
        finally:
            stop(served, folder)


def answer(notebook, more):
    """What a notebook prints, run from an empty interpreter."""
    done = subprocess.run(
        [sys.executable, notebook],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        env=os.environ | more,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_comes_to_its_conclusion_and_again_to_the_same(notebook, scientists):
    said = answer(notebook, {})
    assert said.strip().endswith("."), said
    assert answer(notebook, {} if notebook.stem in _OF_OPS else scientists) == said
