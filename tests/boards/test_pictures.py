"""The pictures: every question is answered, with the numbers of the tables, and never with a person."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from plotly.graph_objects import Figure

from lakehouse import pictures, tables
from lakehouse.boards import drawing
from lakehouse.boards.asking import Asking
from lakehouse.pictures import Chosen
from lakehouse.verdicts import Verdicts
from tests.boards.worlds import MONDAY, ROWS, SUBJECTS, SUNDAY

PICTURES = {
    picture.name: picture
    for page in pictures.pages([tables.by_name(name) for name in ROWS])
    for picture in page.pictures
}


@pytest.fixture
def shown(asking):
    """The rows that a picture is drawn from, without the columns that only stand in its table."""

    def of(name, *columns, **choice):
        answer = asking.answer(PICTURES[name], Chosen(**choice))
        assert answer.sentence is None
        return [tuple(row[column] for column in columns) for row in answer.rows]

    return of


@pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES)
def test_every_question_is_answered_and_leads_to_rows(asking, picture):
    answer = asking.answer(picture)
    assert answer.sentence is None
    assert asking.ask(answer.question).to_pylist() == answer.rows
    for row in answer.rows:
        mark = {name: drawing._sql_text(row[name]) for name in picture.keys}
        behind = asking.ask(picture.behind(Chosen(), mark))
        # A table that was never written by a batch has no batch behind it.
        assert len(behind) or picture.name == "tables"
        assert set(picture.keys) <= set(behind.column_names)


@pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES)
def test_no_question_gives_a_subject(asking, picture):
    for question in (picture.question(Chosen()), picture.behind(Chosen(), {})):
        answer = asking.ask(question)
        assert "subject" not in answer.column_names
        assert not any(subject in str(answer.to_pylist()) for subject in SUBJECTS)
    if len(picture.tables) == 1 and "subject" in tables.by_name(picture.tables[0]).subjects:
        there = asking.ask(f"SELECT * FROM {picture.tables[0]}").to_pylist()
        assert any(subject in str(there) for subject in SUBJECTS)


@pytest.mark.parametrize(
    "picture", [one for one in PICTURES.values() if one.draws != "rows"], ids=lambda one: one.name
)
def test_every_figure_is_one_that_plotly_knows(asking, picture):
    answer = asking.answer(picture)
    figure = drawing.figure(answer)
    assert len(Figure(figure).data) == len(figure["data"])
    colours = [trace["marker"]["color"] for trace in figure["data"]]
    assert set(colours) <= set(drawing.COLOURS)
    assert len(set(colours)) == len(colours)
    assert sum(len(trace["x"]) for trace in figure["data"]) == len(answer.rows)
    assert picture.unit in drawing.in_words(answer)


def test_revenue_visitors_and_baskets_are_sums_of_gold(shown):
    assert shown("net_revenue", "business_on", "shop_id", "net_revenue") == [
        (SUNDAY, "S1", 293.45),
        (SUNDAY, "S2", -2.5),
        (MONDAY, "S1", 50.5),
        (MONDAY, "S2", 88.0),
    ]
    assert shown("baskets", "business_on", "shop_id", "baskets")[0] == (SUNDAY, "S1", 26)
    assert shown("visitors", "business_on", "shop_id", "visitors") == [
        (SUNDAY, "S1", 50),
        (MONDAY, "S1", 16),
        (MONDAY, "S2", 30),
    ]


def test_conversion_leaves_out_the_hours_in_which_nobody_was_counted(shown):
    # Of 26 baskets 7 were bought in an hour without a counter: 19 of 50 visitors.
    assert shown("conversion", "shop_id", "conversion", until=SUNDAY) == [("S1", 0.38)]


def test_a_batch_taken_back_does_not_count(shown):
    assert shown("outcomes", "table_name", "outcome", "messages") == [
        ("silver.sales", "kept", 70),
        ("silver.sales", "quarantined", 5),
        ("silver.sales", "repeated", 3),
        ("silver.footfall", "kept", 11),
        ("silver.footfall", "quarantined", 2),
    ]
    assert shown("late", "table_name", "late_rows") == [("silver.sales", 9)]


def test_arrivals_are_those_of_the_last_fortnight_chosen(shown):
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert shown("arrivals", "hour_at", "messages") == [(noon, 3)]
    assert shown("arrivals", "hour_at", "messages", shops=("S2",)) == [(noon, 1)]
    assert [
        count for _, count in shown("arrivals", "hour_at", "messages", until=date(2026, 2, 1))
    ] == [1]


def test_a_message_with_two_reasons_counts_for_both(shown):
    assert shown("quarantine", "reason", "table_name", "messages") == [
        ("unit_is_known", "silver.readings", 2),
        ("unit_is_known", "silver.sales", 1),
        ("shop_is_known", "silver.readings", 1),
    ]


def test_the_gate_shows_what_the_verdicts_say(lake, shown):
    found = {
        (table, stands): rules
        for table, stands, rules in shown("gate", "table_name", "stands", "rules")
    }
    assert found == {
        ("silver.sales", "holds"): 1,
        ("silver.sales", "holds gold back"): 1,
        ("silver.sales", "warns"): 1,
        ("silver.shops", "holds"): 1,
    }
    stand = Verdicts(lake).stand("silver.sales")
    assert len(stand.broken) == found["silver.sales", "holds gold back"]
    assert len(stand.failed) - len(stand.broken) == found["silver.sales", "warns"]


def test_only_the_newest_day_and_the_newest_training_are_shown(shown):
    assert shown("scores", "what", "score") == [("silver.sales, integrity", 0.75)]
    assert shown("worth", "what", "method", "worth") == [
        ("segments, stability", "chance", 0.125),
        ("segments, stability", "model", 0.6),
    ]


def test_fridges_and_devices_that_are_well_are_left_out(shown):
    fridges = shown("fridges", "device_id", "too_warm_min", "doubted_min")
    assert fridges == [("S1-fridge-1", 20.0, 5.0), ("S2-fridge-1", 1.0, 0.0)]
    assert shown("devices", "device_id", "health") == [("S1-beacon-1", 0.6), ("S2-beacon-1", 0.9)]
    assert shown("devices", "device_id", "health", since=MONDAY) == [("S1-beacon-1", 0.7)]


def test_a_stay_is_the_mean_of_a_zone_and_counts_its_customers(shown):
    columns = ("zone_id", "dwell_min", "stays", "customers")
    assert shown("dwell", *columns) == [("S1-produce", 6.5, 2, 2), ("S2-checkout", 2.0, 1, 1)]
    assert shown("dwell", *columns, shops=("S2",)) == [("S2-checkout", 2.0, 1, 1)]


def test_goods_that_were_there_are_left_out_of_those_that_were_not(shown):
    found = shown("gaps", "product_id", "shop_id", "out_h", "lost_units")
    assert found == [("tea", "S1", 1.5, 1.8), ("tea", "S2", 0.7, None)]


def test_an_hour_with_two_findings_counts_for_both(shown):
    assert shown("prices", "finding", "shop_id", "label_hours", "till_difference") == [
        ("label_differs", "S1", 2, -1.5),
        ("label_silent", "S2", 1, None),
        ("till_differs", "S1", 1, -1.5),
    ]


def test_models_say_it_of_segments_and_things(shown):
    assert shown("affinities", "rule", "lift")[0] == ("tea + milk → biscuits & <jam>", 3.5)
    assert shown("segments", "segment", "customers") == [("evening", 2), ("it's weekly", 1)]
    assert shown("profiles", "segment", "net_revenue", "baskets") == [
        ("evening", 150.0, 5.0),
        ("it's weekly", 50.0, 2.0),
    ]
    assert shown("offers", "item", "task", "customers") == [
        ("cake", "new", 2),
        ("tea", "again", 1),
        ("tea", "new", 1),
    ]
    assert shown("offers", "item", "customers", segments=("it's weekly",)) == [("tea", 1)]


def test_every_table_there_is_shown_with_its_rows(shown):
    found = {
        name: (rows, newest)
        for name, rows, newest in shown("tables", "table_name", "rows", "newest_at")
    }
    assert {name: rows for name, (rows, _) in found.items()} == {
        name: len(rows) for name, rows in ROWS.items()
    }
    assert found["gold.shop_hours"][1] == max(row["hour_at"] for row in ROWS["gold.shop_hours"])
    assert found["gold.shops"][1] is None


def test_a_choice_that_no_row_has_is_told_from_no_rows_at_all(lake, bare, asking):
    none = asking.answer(PICTURES["net_revenue"], Chosen(shops=("S9",)))
    assert none.sentence.startswith("There is nothing of what is chosen")
    fridge = asking.answer(
        PICTURES["fridges"], Chosen(since=date(2026, 3, 1), shops=("S1' OR true --",))
    )
    assert fridge.sentence.startswith("There is nothing of what is chosen")
    visitors = asking.answer(PICTURES["visitors"], Chosen(shops=("S2",), until=SUNDAY))
    assert visitors.sentence == "No door counter was heard on these days."
    few = Asking(bare)
    assert few.answer(PICTURES["baskets"]).sentence == (
        "Nothing to show yet: gold.shop_hours has no rows. They come with `lakehouse build`."
    )
    assert few.answer(PICTURES["offers"]).sentence == (
        "Nothing to show yet: gold.recommendations and gold.customer_segments have no rows. "
        "They come with `lakehouse train` and `lakehouse score`."
    )
    answers = [few.answer(picture) for page in few.pages() for picture in page.pictures]
    assert not any(answer.is_fault for answer in answers)


def test_a_question_that_takes_too_long_is_given_up(lake):
    impatient = Asking(lake, patience_s=4.0)
    endless = (
        "SELECT count(*) FROM range(10000000) AS a, range(10000000) AS b WHERE a.range <> b.range"
    )
    answer = impatient.answer(replace(PICTURES["late"], sql=endless))
    assert answer.is_fault
    assert "took longer than 4 s" in answer.sentence
    assert impatient.answer(PICTURES["late"]).rows  # it goes on


def test_to_look_at_pictures_loads_no_spark():
    code = (
        "import sys; from lakehouse.boards import dashboard, report;"
        "print([m for m in ('pyspark', 'great_expectations', 'mlflow') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"
