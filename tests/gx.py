"""Great Expectations itself, as a plain user runs it, to set beside what we compiled."""

import logging
import os
from functools import cache

os.environ["GX_ANALYTICS_ENABLED"] = "false"

import great_expectations as gx

from lakehouse.quality import expectations as ours  # noqa: F401  GX knows them from then on

# It tells of every metric that it computes.
logging.getLogger("great_expectations").setLevel(logging.ERROR)


@cache
def _batches():
    """Where frames are handed in: a context of this process only, nothing kept in memory."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_spark("spark", persist=False)
    return source.add_dataframe_asset("frames").add_batch_definition_whole_dataframe("whole")


def suite(expectations, name="of a test"):
    """The expectations of a rule file as GX loads them."""
    return gx.ExpectationSuite(name=name, expectations=list(expectations))


def counts(frame, expectations):
    """Id of each rule -> how many rows GX counts as unexpected."""
    form = {"result_format": "BASIC", "partial_unexpected_count": 0}
    batch = _batches().get_batch({"dataframe": frame})
    results = batch.validate(suite(expectations), result_format=form).results
    for one in results:
        assert not one.exception_info.get("raised_exception", False), one.exception_info
    # (It says null, not 0, where a row condition leaves no row at all.)
    return {
        one.expectation_config.meta["id"]: one.result["unexpected_count"] or 0 for one in results
    }


def unexpected(frame, expectations, row="row"):
    """Id of each rule -> the values of column `row` of the rows that GX counts as unexpected."""
    form = {"result_format": "COMPLETE", "unexpected_index_column_names": [row]}
    batch = _batches().get_batch({"dataframe": frame})
    results = batch.validate(suite(expectations), result_format=form).results
    found = {}
    for one in results:
        rule = one.expectation_config.meta["id"]
        assert not one.exception_info.get("raised_exception", False), (rule, one.exception_info)
        said = [index[row] for index in one.result.get("unexpected_index_list") or []]
        assert len(said) == one.result["unexpected_count"], rule
        found[rule] = said
    return found


def verdicts(frame, expectations):
    """Id of each rule -> GX's result, for what is asked of a whole table."""
    batch = _batches().get_batch({"dataframe": frame})
    results = batch.validate(suite(expectations), result_format="BASIC").results
    for one in results:
        assert not one.exception_info.get("raised_exception", False), one.exception_info
    return {one.expectation_config.meta["id"]: one for one in results}
