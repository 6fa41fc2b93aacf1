"""Real counts of people, landed as messages: gold.shop_hours has the sums that pandas has."""

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from tests.real import counters, sets
from tests.worlds import lakehouse_in, land, run

pytestmark = [
    pytest.mark.skipif(
        not sets.DATA.is_dir(), reason=f"the real data sets are not there: no folder {sets.DATA}"
    ),
    pytest.mark.slow,
    pytest.mark.timeout(1200),
]


@pytest.fixture(scope="module")
def in_gold(where, server, spark):
    """Visitors by hour in gold of both sets, each counter a shop, landed and taken there."""
    at = lakehouse_in("footfall", where, server, spark)
    for counted in (counters.calit2(), counters.melbourne()):
        land(at, counters.objects(counted))
    run(at)
    assert all(batch.repeated for batch in at.ledger.of("refine", "silver.footfall"))
    rows = at.lake.sql().sql(
        "SELECT shop_id, hour_at, business_on, visitors FROM gold.shop_hours "
        "WHERE visitors IS NOT NULL"
    )
    return ordered(rows.df())


def ordered(hours):
    """The rows by shop and hour, with the types that both sides can have."""
    types = {"shop_id": str, "visitors": "int64"}
    hours = hours[["shop_id", "hour_at", "business_on", "visitors"]].astype(types)
    hours["hour_at"] = pd.to_datetime(hours["hour_at"], utc=True).astype("datetime64[us, UTC]")
    hours["business_on"] = pd.to_datetime(hours["business_on"]).astype("datetime64[us]")
    return hours.sort_values(["shop_id", "hour_at"], ignore_index=True)


def test_a_door_counted_by_the_half_hour_has_its_hours(in_gold):
    counted = counters.calit2()
    expected = ordered(counters.hours(counted))
    assert (len(counted.counts), len(expected)) == (5040, 2520)
    assert_frame_equal(of(in_gold, counted), expected)


def test_four_streets_have_their_hours_on_local_days_and_none_that_was_not_counted(in_gold):
    counted = counters.melbourne()
    expected = ordered(counters.hours(counted))
    assert len(expected) == len(counted.counts) == 66_037
    assert_frame_equal(of(in_gold, counted), expected)


def of(hours, counted):
    """Those of the shops of a set."""
    return hours[hours["shop_id"].isin(counted.counts["shop_id"])].reset_index(drop=True)
