"""The data dictionary: docs/tables.md is what the declarations say."""

from datetime import timedelta

from lakehouse import dictionary, tables
from lakehouse.settings import PROJECT
from lakehouse.tables import Column, Table

TABLE = Table(
    name="silver.shelves",
    grain="one shelf",
    key=("shelf_id", "shop_id"),
    columns=(
        Column("shelf_id", "string", "one | two", is_never_null=True),
        Column("batch_id", "string", "the batch", is_origin=True),
    ),
    upstream=("bronze.events",),
    repeats=("shelf_id",),
    happened="seen_at",
    lateness=timedelta(hours=26),
    retention=timedelta(days=730),
)


def test_the_page_in_docs_is_that_of_the_declarations():
    page = (PROJECT / "docs" / "tables.md").read_text(encoding="utf-8")
    assert page == dictionary.markdown(), "run `lakehouse tables --markdown > docs/tables.md`"


def test_every_table_and_every_column_is_on_the_page():
    page = dictionary.markdown()
    for table in tables.TABLES:
        section = page.partition(f"### {table.name}\n")[2].partition("\n### ")[0]
        for column in table.columns:
            assert f"| {column.name} | `{column.type}` |" in section


def test_a_table_is_said_in_sentences():
    assert dictionary.facts(TABLE) == {
        "one row is": "one shelf",
        "key": "shelf_id, shop_id",
        "upstream": "bronze.events",
        "repeats": "of what agrees in shelf_id the first arrival wins",
        "late": "arrived more than 26 hours after the end of its hour",
        "retention": "730 days",
    }


def test_content_and_origin_are_told_apart():
    shelf_id, batch_id = TABLE.columns
    assert dictionary.kind(shelf_id) == "content, never null"
    assert dictionary.kind(batch_id) == "origin"


def test_a_bar_in_a_meaning_does_not_break_the_table():
    assert "| one \\| two |" in dictionary.markdown([TABLE])
