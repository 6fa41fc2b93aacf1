"""The declarations agree with themselves and with the functions that build what they declare."""

import inspect
from datetime import timedelta

import pytest

from lakehouse import gold, silver, tables
from lakehouse.errors import UnknownName
from lakehouse.feeds import FEEDS

BUILT = {**silver.BUILD, **gold.BUILD}


def named(some):
    return pytest.mark.parametrize("table", some, ids=lambda table: table.name)


@named(tables.TABLES)
def test_a_key_is_among_the_columns(table):
    assert table.key
    assert set(table.key) <= set(table.column_names)


@named(tables.TABLES)
def test_a_column_stands_once_and_says_what_it_means(table):
    assert len(set(table.column_names)) == len(table.columns)
    assert all(column.means and column.type for column in table.columns)


@named(tables.TABLES)
def test_what_a_declaration_names_among_its_columns_is_there(table):
    named_columns = {
        *table.repeats,
        *table.clustered,
        *table.partitioned,
        *table.subjects,
        *table.refers.values(),
        *([table.happened] if table.happened else []),
    }
    assert named_columns <= set(table.column_names)


@named(tables.TABLES)
def test_every_upstream_table_is_declared_before_it_is_used(table):
    order = [declared.name for declared in tables.TABLES]
    assert all(order.index(name) < order.index(table.name) for name in table.upstream)


@named(tables.TABLES)
def test_a_table_has_content_beside_its_origin(table):
    assert table.content


@named(tables.TABLES)
def test_instants_end_in_at_and_dates_in_on(table):
    for column in table.columns:
        is_instant = column.type == "timestamp"
        assert is_instant == column.name.endswith(("_at", "valid_from", "valid_to")), column.name
        assert (column.type == "date") == column.name.endswith("_on"), column.name
        assert (column.type == "boolean") == column.name.startswith(("is_", "has_")), column.name


@named(tables.SILVER)
def test_a_silver_table_is_refined_from_a_known_feed_and_says_what_repeats(table):
    assert table.feed in {feed.name for feed in FEEDS}
    assert table in tables.fed_by(table.feed)
    assert table.upstream[0] == "bronze.events"
    assert set(table.repeats) <= set(table.key)


@named([table for table in tables.SILVER if table.is_history])
def test_a_history_is_told_apart_by_when_it_is_valid(table):
    assert table.key[-1] == "valid_from"
    assert len(table.key) > 1
    assert {"valid_from", "valid_to"} <= set(table.column_names)


@named([table for table in tables.SILVER if not table.is_history])
def test_a_measured_table_says_when_it_happened_and_when_it_is_late(table):
    assert table.happened
    assert table.lateness
    assert "is_late" in table.column_names


@named(tables.SILVER)
def test_the_upstream_tables_that_a_row_refers_to_are_histories(table):
    assert set(table.refers) == set(table.upstream[1:])
    assert all(tables.by_name(name).is_history for name in table.refers)


@named(tables.BUILT)
def test_windows_are_over_upstream_tables_and_agree_with_the_first_columns_of_the_key(table):
    assert set(table.windows) <= set(table.upstream)
    for window in table.windows.values():
        for expression, column in zip(window, table.key, strict=False):
            assert expression == column or (expression, column) in {
                ("date_trunc('HOUR', paid_at)", "hour_at"),
                ("date_trunc('HOUR', measured_at)", "hour_at"),
                ("date_trunc('HOUR', began_at)", "hour_at"),
                ("to_date(measured_at)", "day_on"),
                ("to_date(heard_at)", "day_on"),
                ("to_date(located_at)", "day_on"),
                ("to_date(read_at)", "day_on"),
                ("to_date(sent_at)", "day_on"),
                ("to_date(paid_at)", "day_on"),
                ("to_date(delivered_at)", "day_on"),
                ("to_date(detected_at)", "day_on"),
                ("to_date(arrived_at)", "arrived_on"),
                ("trunc(business_on, 'MONTH')", "month_on"),
            }
    assert len({len(window) for window in table.windows.values()}) <= 1


@named([table for table in tables.BUILT if table.windows])
def test_a_window_can_be_worked_out_of_its_upstream_rows(table, frame):
    for name, window in table.windows.items():
        assert len(frame(name).selectExpr(*window).columns) == len(window)


@named([table for table in tables.BUILT if table.by_subject])
def test_what_is_known_of_subjects_leads_to_windows_by_the_subject(table, frame):
    assert set(table.by_subject) <= set(table.upstream) - set(table.windows)
    for name, subject in table.by_subject.items():
        assert frame(name).selectExpr(subject).dtypes[0][1] == "string"
    assert all("subject" in tables.by_name(name).column_names for name in table.windows)


@named([table for table in tables.BUILT if table.reach])
def test_a_table_with_a_reach_is_built_by_days_of_what_happened(table):
    assert table.reach <= timedelta(days=1)
    for name, window in table.windows.items():
        assert table.key[len(window) - 1].endswith("_on")
        assert tables.by_name(name).happened


@named([*tables.SILVER, *tables.BUILT])
def test_a_table_is_built_from_the_declared_upstream_tables_in_order(table):
    declared = [name.split(".")[1] for name in table.upstream]
    assert list(inspect.signature(BUILT[table.name]).parameters) == declared


@named([*tables.SILVER, *tables.BUILT])
def test_a_table_is_built_with_the_declared_columns_and_types(table, frame):
    built = BUILT[table.name](*map(frame, table.upstream))
    types = dict(built.dtypes)
    given_later = {"batch_id", "corrected_by"} | ({"valid_to"} if table.is_history else set())
    declared = {name: kind for name, kind in frame(table.name).dtypes if name not in given_later}
    assert {name: types.get(name) for name in declared} == declared


def test_every_silver_and_gold_table_is_built_and_nothing_else():
    assert list(BUILT) == [table.name for table in (*tables.SILVER, *tables.BUILT)]


def test_a_table_is_found_by_its_name_and_an_unknown_name_lists_those_there_are():
    assert tables.by_name("gold.shops") is tables.GOLD[1]
    with pytest.raises(
        UnknownName, match=r"no table called 'gold\.shop'; there are bronze\.events"
    ):
        tables.by_name("gold.shop")


def test_a_feed_without_a_table_feeds_none():
    assert tables.fed_by("wearables") == ()


def test_a_table_knows_its_layer_its_short_name_and_its_uri():
    table = tables.by_name("silver.shops")
    assert (table.layer, table.short_name, table.uri) == (
        "silver",
        "shops",
        "lakehouse://silver/shops",
    )
