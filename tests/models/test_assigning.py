"""Customers are split among the forms of an offer: by shares, for good, and only who agreed."""

from datetime import timedelta

import pytest
from pyspark.sql import functions as F

from lakehouse import consent, tables
from lakehouse.flow import assigning
from tests.models import worlds
from tests.worlds import rows_of

CUSTOMERS = tables.by_name("silver.customers")
OUTPUT = tables.by_name("gold.assignments")


def subjects(spark, of):
    return spark.range(of).select(F.concat(F.lit("p"), F.col("id")).alias("subject"))


def forms(frame):
    return {(row.subject, row.offer_id): row.variant for row in frame.collect()}


def test_each_is_in_one_form_and_the_forms_have_their_shares(spark):
    shares = {"plain": 0.5, "picture": 0.3, "video": 0.2}
    rows = assigning.assigned(subjects(spark, 20_000), {"o1": shares}).collect()
    assert len({row.subject for row in rows}) == len(rows) == 20_000
    chi_squared = 0.0
    for form, share in shares.items():
        there = sum(row.variant == form for row in rows)
        chi_squared += (there - 20_000 * share) ** 2 / (20_000 * share)
        assert {row.share for row in rows if row.variant == form} == {share}
    assert chi_squared < 13.8  # p > 0.001 with two degrees of freedom
    assert {row.control for row in rows} == {"plain"}


def test_who_comes_later_moves_nobody_and_one_offer_says_nothing_of_another(spark):
    halves = {"A": 0.5, "B": 0.5}
    both = forms(assigning.assigned(subjects(spark, 10_000), {"o1": halves, "o2": halves}))
    alone = forms(assigning.assigned(subjects(spark, 1_000), {"o1": halves}))
    assert alone.items() <= both.items()
    same = sum(both[f"p{one}", "o1"] == both[f"p{one}", "o2"] for one in range(10_000))
    assert abs(same - 5_000) < 165  # 3.3 standard deviations of a coin's


@pytest.fixture(scope="module")
def at(where, server, spark):
    """A lakehouse whose gold is the small world, with one offer to try."""
    shares = {"o1": {"A": 0.5, "B": 0.5}}
    there = worlds.lakehouse("assigned", where, server, spark)
    there.settings = there.settings.model_copy(update={"experiments": shares})
    return there


def assigned_now(at):
    return set(at.lake.read(OUTPUT, "subject")["subject"].to_pylist())


def test_those_who_agree_are_assigned_once_and_who_withdraws_is_taken_out(at, spark):
    assert assigning.assign(at) is not None
    everybody = {worlds.subject(number) for number in range(worlds.SUBJECTS)}
    assert assigned_now(at) == everybody
    assert assigning.assign(at) is None  # nothing has changed
    withdrawn = {
        "event_id": "e1",
        "shop_id": "S1",
        "subject": worlds.subject(7),
        "happened_at": worlds.FIRST,
        "kind": consent.WITHDRAWN,
        "is_late": False,
        "source_object": "o",
        "source_line": 1,
        "arrived_at": worlds.FIRST,
        "batch_id": "b",
    }
    rows = rows_of(spark, "silver.app_events", [withdrawn])
    at.store.append(tables.by_name("silver.app_events"), rows, {})
    assert assigning.assign(at) is not None
    assert assigned_now(at) == everybody - {worlds.subject(7)}


def test_who_withdraws_at_the_till_counts_though_nothing_was_bought_since(at):
    customers = at.store.read(CUSTOMERS)
    later = F.timestamp_seconds(F.lit((worlds.FIRST + timedelta(days=999)).timestamp()))
    mine = customers.where(F.col("subject") == worlds.subject(9))
    gone = mine.withColumns(
        {
            "valid_from": later,
            "arrived_at": later,
            "consents": F.array().cast("array<string>"),
            "event_id": F.lit("e9"),
        }
    )
    ended = mine.withColumn("valid_to", later).union(gone)
    at.store.replace(CUSTOMERS, ended, f"subject = '{worlds.subject(9)}'", {})
    assert assigning.assign(at) is not None
    assert worlds.subject(9) not in assigned_now(at)


def test_an_offer_that_the_settings_no_longer_name_is_taken_out(at):
    experiments = {"o2": {"A": 0.9, "B": 0.1}}
    at.settings = at.settings.model_copy(update={"experiments": experiments})
    assert assigning.assign(at) is not None
    assert set(at.lake.read(OUTPUT, "offer_id")["offer_id"].to_pylist()) == {"o2"}


def test_without_experiments_nobody_is_assigned(where, server, spark):
    there = worlds.lakehouse("unassigned", where, server, spark)
    assert assigning.assign(there) is None
