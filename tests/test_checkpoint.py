"""The checkpoint of ingest: lost, or of another version of the project or of Spark."""

import pytest

from lakehouse import places, s3, tables
from lakehouse.errors import BatchFailed
from lakehouse.flow import ingest, once, place
from tests.worlds import lakehouse_in, land

EVENTS = tables.by_name("bronze.events")


@pytest.fixture(scope="module")
def at(where, server, spark, landed):
    """A lakehouse that has ingested three objects."""
    made = lakehouse_in("checkpoint", where, server, spark)
    arrives(made, landed, 3)
    once.run(made, "ingest")
    return made


def first(landed, count):
    """The keys of the first objects."""
    return sorted(key for key in landed if "reference" not in key)[:count]


def arrives(at, landed, count):
    """They land, those that are there again."""
    land(at, {key: landed[key] for key in first(landed, count)})


def offsets(at):
    """The keys of the checkpoint's offsets, newest last."""
    folder = places.checkpoint(at.settings, "ingest").rpartition(f"{at.settings.buckets.ops}/")[2]
    found = s3.objects(at.zone.storage(), at.settings.buckets.ops, f"{folder}/offsets/")
    return [one["Key"] for one in found if one["Size"]]


def is_ingested_once(at, landed, count):
    """Whether every object is in the ledger, and no line in bronze twice."""
    rows = at.lake.read(EVENTS, "source_object", "source_line")
    lines = rows.group_by(rows.column_names).aggregate([])
    return at.ledger.ingested() == set(first(landed, count)) and lines.num_rows == rows.num_rows


@pytest.mark.parametrize(
    ("count", "spoilt", "reason"),
    [
        (5, ("v1", "{}", '{"something": 3}'), "PYTHON_STREAMING_DATA_SOURCE_RUNTIME_ERROR"),
        (7, ("v1", "{}", "{}", "{}"), r"There are \[2\] sources in the checkpoint offsets and now"),
        (9, ("v99", "{}", "{}"), "The log file was produced by a newer version of Spark"),
        (11, ("",), "Incomplete log file"),
    ],
)
def test_of_another_version_it_is_said_so_and_a_new_one_goes_on(at, landed, count, spoilt, reason):
    arrives(at, landed, count)
    newest = offsets(at)[-1]
    s3.put(at.zone.storage(), at.settings.buckets.ops, newest, "\n".join(spoilt).encode())
    said = (
        f"ingest cannot go on from its checkpoint, .*{reason}.*`lakehouse ingest --new-checkpoint`"
    )
    with pytest.raises(BatchFailed, match=said):
        once.run(at, "ingest")
    ingest.new_checkpoint(at)
    once.run(at, "ingest")
    assert is_ingested_once(at, landed, count)


def test_a_lost_one_loses_nothing_and_doubles_nothing(at, landed):
    ingest.new_checkpoint(at)
    assert offsets(at) == []
    again = place.at(at.settings, at.endpoint, at.spark)
    arrives(at, landed, 13)
    once.run(again, "ingest")
    assert is_ingested_once(again, landed, 13)
    assert offsets(at)
