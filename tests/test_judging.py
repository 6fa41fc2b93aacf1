"""What becomes of a message: kept, quarantined or a repeat, whatever arrives first."""

from datetime import UTC, datetime

import pytest
from chispa import assert_df_equality

from lakehouse import judging

ONE, TWO, THREE = (datetime(2026, 3, 1, 9, minute, tzinfo=UTC) for minute in (1, 2, 3))
JUDGED = (
    "basket_id string, event_id string, arrived_at timestamp, source_object string, "
    "source_line int, line int, broken array<string>"
)
ARRIVAL = "struct<arrived_at: timestamp, source_object: string, source_line: int>"
PAST = f"table_name string, key string, before {ARRIVAL}, before_event_id string"
T = "silver.sales"

# Each basket is a case: its rows, and what becomes of them in this order.
HERE = [
    ("alone", "e1", TWO, "b", 1, 1, []),
    ("again", "e2", TWO, "b", 2, 1, []),
    ("again", "e3", ONE, "c", 3, 1, []),
    ("same instant", "e4", TWO, "b", 10, 1, []),
    ("same instant", "e5", TWO, "b", 9, 1, []),
    ("two lines", "e6", TWO, "b", 4, 1, []),
    ("two lines", "e6", TWO, "b", 4, 2, []),
    ("one bad line", "e7", TWO, "b", 5, 1, ["y", "x"]),
    ("one bad line", "e7", TWO, "b", 5, 2, []),
    ("one bad line", "e7", TWO, "b", 5, 3, ["x", "z"]),
    ("bad, then good", "e8", ONE, "b", 6, 1, ["x"]),
    ("bad, then good", "e9", TWO, "b", 7, 1, []),
    ("known", "e10", TWO, "b", 8, 1, []),
    ("known, twice here", "e11", TWO, "d", 1, 1, []),
    ("known, twice here", "e12", THREE, "d", 2, 1, []),
    ("known, but first", "e13", TWO, "d", 3, 1, []),
    ("tried again", "e14", TWO, "d", 4, 1, []),
    ("known, but bad", "e15", TWO, "d", 5, 1, ["x"]),
]
BEFORE = [
    (T, "known", (ONE, "a", 1), "p1"),
    (T, "known, twice here", (ONE, "a", 2), "p2"),
    (T, "known, but first", (THREE, "a", 3), "p3"),
    (T, "tried again", (TWO, "d", 4), "e14"),
    (T, "known, but bad", (ONE, "a", 5), "p5"),
]


def settle(judged, past):
    return judging.settle(judging.messages(judged, T, ["basket_id"]), past)


@pytest.fixture(scope="module")
def judged(spark):
    """The cases."""
    return spark.createDataFrame(HERE, JUDGED)


@pytest.fixture(scope="module")
def settled(spark, judged):
    """The cases settled against the past."""
    return settle(judged, spark.createDataFrame(BEFORE, PAST)).cache()


@pytest.mark.parametrize(
    ("case", "became"),
    [
        ("alone", {}),
        ("again", {"e2": ("repeated", ("c", 3))}),
        ("same instant", {"e4": ("repeated", ("b", 9))}),
        ("two lines", {}),
        ("one bad line", {"e7": ("quarantined", None)}),
        ("bad, then good", {"e8": ("quarantined", None)}),
        ("known", {"e10": ("repeated", ("a", 1))}),
        ("known, twice here", {"e11": ("repeated", ("a", 2)), "e12": ("repeated", ("a", 2))}),
        ("known, but first", {"e13": ("kept", ("d", 3))}),
        ("tried again", {"e14": ("kept", ("d", 4))}),
        ("known, but bad", {"e15": ("quarantined", None)}),
    ],
)
def test_the_first_good_arrival_is_kept(settled, case, became):
    found = [row for row in settled.collect() if row.key == case]
    assert len(found) == len(became)
    assert {row.event_id: (row.outcome, _place(row.first)) for row in found} == became


def _place(arrival):
    return arrival and (arrival.source_object, arrival.source_line)


def test_a_message_of_one_row_is_judged_by_that_row(settled, judged, spark):
    one_row = judged.groupBy("event_id").count().where("count = 1").select("event_id")
    bare = judged.join(one_row, on="event_id", how="left_semi").drop("line")
    assert "e8" in {row.event_id for row in bare.collect()}
    expected = settled.join(one_row, on="event_id", how="left_semi")
    actual = settle(bare, spark.createDataFrame(BEFORE, PAST))
    assert_df_equality(
        actual, expected, ignore_row_order=True, ignore_column_order=True, ignore_nullable=True
    )


def test_every_row_of_what_is_not_gone_stays_once(judged, settled):
    stayed = sorted(row.event_id for row in judging.kept(judged, settled).collect())
    assert stayed == sorted(["e1", "e3", "e5", "e6", "e6", "e9", "e13", "e14"])


def test_a_bad_receipt_has_every_rule_that_one_of_its_lines_broke(judged):
    def reasons(frame):
        told = judging.messages(frame, T, ["basket_id"]).where("size(reasons) > 0").collect()
        return {f"{row.source_object}{row.source_line}": row.reasons for row in told}

    assert reasons(judged) == {"b5": ["x", "y", "z"], "b6": ["x"], "d5": ["x"]}
    alone = judged.where("basket_id != 'one bad line' OR line = 1").drop("line")
    assert reasons(alone) == {"b5": ["x", "y"], "b6": ["x"], "d5": ["x"]}


def test_what_a_late_earlier_arrival_displaced_is_a_repeat_of_it(settled, spark):
    expected = spark.createDataFrame(
        [(T, "p3", "a", 3, THREE, "d", 3)],
        "table_name string, event_id string, source_object string, source_line int, arrived_at timestamp, "
        "first_object string, first_line int",
    )
    assert_df_equality(judging.displaced(settled), expected, ignore_nullable=True)


def test_a_repeat_names_the_arrival_it_repeats(settled, spark):
    expected = spark.createDataFrame(
        [
            (T, "e2", "b", 2, TWO, "c", 3),
            (T, "e4", "b", 10, TWO, "b", 9),
            (T, "e10", "b", 8, TWO, "a", 1),
            (T, "e11", "d", 1, TWO, "a", 2),
            (T, "e12", "d", 2, THREE, "a", 2),
        ],
        "table_name string, event_id string, source_object string, source_line int, arrived_at timestamp, "
        "first_object string, first_line int",
    )
    actual = judging.repeats(settled)
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_without_a_past_only_the_batch_counts(spark):
    judged = spark.createDataFrame(HERE[:3], JUDGED)
    rows = settle(judged, spark.createDataFrame([], PAST)).collect()
    assert [(row.event_id, row.outcome, row.before) for row in rows] == [("e2", "repeated", None)]


def test_messages_of_two_tables_are_no_rivals_though_their_keys_are_equal(spark):
    one = judging.messages(spark.createDataFrame(HERE[:1], JUDGED), T, ["basket_id"])
    other = judging.messages(spark.createDataFrame(HERE[:1], JUDGED), "silver.x", ["basket_id"])
    past = spark.createDataFrame([("silver.y", "alone", (ONE, "a", 1), "p")], PAST)
    assert judging.settle(one.unionByName(other), past).isEmpty()


# Instants and texts that run into each other, in every order that they are put together.
KEYS = [
    ("S1", "b1", TWO),
    ("S1", "b1", ONE),
    ("S", "1b1", TWO),
    ("S1b", "1", TWO),
    ("S2", "b1", TWO),
]


@pytest.mark.parametrize("per", [["b", "at"], ["a", "b"], ["a", "b", "at"], ["at", "a"], ["a"]])
def test_keys_are_equal_where_all_their_columns_are(spark, per):
    columns = ("a", "b", "at")
    rows = [(*key, "e", ONE, "o", 1, []) for key in KEYS] + [
        (None, None, None, "e", ONE, "o", 1, [])
    ]
    frame = spark.createDataFrame(
        rows,
        "a string, b string, at timestamp, event_id string, arrived_at timestamp, "
        "source_object string, source_line int, broken array<string>",
    )
    *found, none = [row.key for row in judging.messages(frame, T, per).collect()]
    assert none is None
    wanted = [tuple(key[columns.index(name)] for name in per) for key in KEYS]
    assert [[one == other for other in found] for one in found] == [
        [one == other for other in wanted] for one in wanted
    ]


def test_the_past_is_asked_only_for_what_is_here_and_gives_one_row_for_each(spark):
    silver = spark.createDataFrame(
        [
            ("S1", "b1", 1, "p1", TWO, "a", 7),
            ("S1", "b1", 2, "p1", TWO, "a", 7),
            ("S2", "b1", 1, "p2", ONE, "b", 8),
            ("S1", "b2", 1, "p3", THREE, "c", 9),
        ],
        "shop_id string, basket_id string, line int, event_id string, arrived_at timestamp, "
        "source_object string, source_line int",
    )
    judged = spark.createDataFrame(
        [("S1", "b1", "e1", ONE, "d", 1, []), ("S3", "b2", "e2", ONE, "d", 2, [])],
        "shop_id string, basket_id string, event_id string, arrived_at timestamp, "
        "source_object string, source_line int, broken array<string>",
    )
    per = ["shop_id", "basket_id"]
    expected = spark.createDataFrame(
        [(T, "2:S1b1", (TWO, "a", 7), "p1", False)], f"{PAST}, before_is_late boolean"
    )
    actual = judging.winners(judging.held(silver, T, per), judging.messages(judged, T, per))
    assert_df_equality(actual, expected, ignore_nullable=True)
