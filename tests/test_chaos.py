"""A few minutes' cut of `make chaos`: drivers killed at the most telling requests."""

from functools import partial

import pytest

from bench.chaos import kills, lakes, stages
from bench.chaos.cuts import CUTS
from tests.worlds import lakehouse_in

TELLING = (
    "ingest: after the commit, before the ledger",
    "refine: between two tables of a batch",
    "build: after a commit, before its answer",
)


@pytest.mark.slow  # four minutes; `.ci/run` has it as a step of its own
@pytest.mark.timeout(900)  # six starts of Spark
def test_a_lakehouse_whose_drivers_are_killed_ends_as_one_where_nothing_happened(
    server, where, spark
):
    calm = lakehouse_in("calm", where, server, spark)
    chain = [cut for cut in CUTS if cut.name in TELLING]
    with kills.pair(server, lakes.shares(), calm.lake, partial(stages.run, calm)) as both:
        differences = both.through(chain)
    assert differences == []
    assert dict(both.done) == dict.fromkeys(TELLING, 1)
