"""What rules of a page find in real data: the faults that are known of it, to the row."""

import json

import pytest
from pyarrow import parquet
from pyspark.sql import functions as F

from lakehouse import rules
from lakehouse.settings import PROJECT
from tests import gx
from tests.real import sets

FOLDER = PROJECT / "tests" / "real" / "expectations"

pytestmark = pytest.mark.skipif(
    not sets.DATA.is_dir(), reason=f"the real data sets are not there: no folder {sets.DATA}"
)


@pytest.fixture
def found():
    """How many rows of a frame break each row rule of a set, and what GX says of the table."""

    def of(name, rows, table=None):
        suite = rules.load(f"real.{name}", FOLDER)
        [broken] = rows.agg(
            *(F.count_if(one.broken).alias(one.id) for one in suite.rules)
        ).collect()
        verdicts = gx.verdicts(table or rows, suite.gate)
        failed = {
            rule: said.result.get("unexpected_count", said.result.get("observed_value"))
            for rule, said in verdicts.items()
            if not said.success
        }
        return {rule: rows for rule, rows in broken.asDict().items() if rows}, failed

    return of


@pytest.fixture
def read(spark, tmp_path):
    """Make a frame of a table in memory; from a file, as Spark sends a frame's rows with each job."""

    def of(table):
        parquet.write_table(table, tmp_path / "rows.parquet")
        return spark.read.parquet((tmp_path / "rows.parquet").as_uri())

    return of


def breaks(name, *ids):
    """Whether a row breaks one of these rules."""
    every = {rule.id: rule.broken for rule in rules.load(f"real.{name}", FOLDER).rules}
    return F.greatest(*(every[rule] for rule in ids))


def test_machines_fail_by_the_rules_that_their_authors_made_them_by(read, found):
    machines = sets.machines(read).cache()
    broken, failed = found("ai4i2020", machines)
    strained = {"l_bears_the_strain": 87, "m_bears_the_strain": 9, "h_bears_the_strain": 2}
    modes = {"heat_is_carried_off": 115, "power_is_in_reach": 95, **strained}
    labels = {"no_mode_without_failure": 18, "no_failure_without_mode": 9}
    assert (broken, failed) == (modes | labels, {})
    for label, broken_rules in {
        "is_overheated": ["heat_is_carried_off"],
        "is_underpowered": ["power_is_in_reach"],
        "is_overstrained": list(strained),
    }.items():
        is_found = breaks("ai4i2020", *broken_rules, broken_rules[0])
        assert machines.where(is_found != (F.col(label) == 1)).isEmpty(), label
    machines.unpersist()


def test_hours_that_a_counter_left_out_are_found_though_no_row_tells_of_them(read, found):
    counts = sets.counts(read)
    broken, failed = found("pedestrian_melbourne", sets.every_hour(counts), counts)
    by_counter = {
        "southern_cross_counts_every_hour": 5,
        "qv_market_counts_every_hour": 26,
        "bourke_street_counts_every_hour": 1130,
        "birrarung_marr_counts_every_hour": 2978,
    }
    quiet = broken.pop("nobody_passes_by_night_only")
    assert broken == {"hour_is_counted": 4139, **by_counter}
    assert sum(by_counter.values()) == 4139
    assert quiet == counts.where("hour BETWEEN 7 AND 22 AND pedestrians = 0").count() > 0
    assert failed == {"every_hour_is_a_row": 66037}


@pytest.mark.slow
def test_a_weekday_that_is_never_that_of_the_date_is_found_where_a_range_sees_nothing(read, found):
    broken, failed = found("bakery_demand", sets.bakery(read))
    idle = broken.pop("something_is_asked_for")
    assert broken == {"weekday_is_that_of_the_date": 127_575}  # and not weekday_has_a_name
    assert idle == 12_181
    assert failed == {}


def test_a_sentinel_a_wrong_header_and_three_ways_to_write_are_found(read, found):
    broken, failed = found("ble_known_distance", sets.sightings(read))
    assert broken == {
        "rssi_is_a_reading": 6795,
        "range_is_that_of_the_file": 3965,
        "angle_is_from_0_to_359": 42_084 + 41_955 + 41_915,  # -45, -135 and -90
        "time_is_written_as_in_the_other_logs": 18_897,
        "transmit_power_is_known": 298_406,
    }
    assert failed == {}


@pytest.mark.slow
def test_cancellations_and_missing_customers_are_found_to_the_line(read, found):
    known = json.loads((sets.DATA / "uci_online_retail" / "expected.json").read_text())
    broken, failed = found("uci_online_retail", sets.invoice_lines(read))
    assert broken == {
        "is_no_cancellation": known["cancellation_rows_C"],
        "is_a_sale": 3,
        "customer_is_there": known["null_customer_rows"],
        "description_is_there": known["null_description_rows"],
        "quantity_is_above_nothing": known["negative_quantity_rows"],
        "only_a_cancellation_takes_back": 1336,
        "price_is_above_nothing": known["unit_price_le_0"],
        "price_is_not_negative": known["unit_price_lt_0"],
        "code_is_that_of_a_product": 2995,
    }
    # All of a set of equal lines; expected.json counts those after the first.
    assert failed == {"no_line_stands_twice": 10_147}
    assert known["exact_duplicate_rows"] == 5268
