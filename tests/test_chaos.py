"""A cut of `make chaos`: drivers killed at the most telling requests."""

from contextlib import contextmanager
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


@contextmanager
def pair(name, where, server, spark):
    """Two lakehouses to which the same lands, the calm one in this process."""
    calm = lakehouse_in(f"calm-{name}", where, server, spark)
    beside = partial(stages.run, calm)
    with kills.pair(server, lakes.shares(), calm.lake, beside, f"rough-{name}") as both:
        yield both


@pytest.mark.timeout(300)  # three starts of Spark
def test_a_driver_killed_between_two_tables_leaves_silver_as_if_it_had_not_been(
    server, where, spark
):
    [cut] = [cut for cut in CUTS if cut.name == "refine: between two tables of a batch"]
    with pair("silver", where, server, spark) as both:
        assert both.through([cut], "ingest refine") == []
    assert both.done == {cut.name: 1}


@pytest.mark.slow  # four minutes; `.ci/run` has it as a step of its own
@pytest.mark.timeout(900)  # six starts of Spark
def test_a_lakehouse_whose_drivers_are_killed_ends_as_one_where_nothing_happened(
    server, where, spark
):
    chain = [cut for cut in CUTS if cut.name in TELLING]
    with pair("all", where, server, spark) as both:
        assert both.through(chain) == []
    assert both.done == dict.fromkeys(TELLING, 1)
