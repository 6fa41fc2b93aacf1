"""A rebuild puts a table right, and the ledger stays what it was."""

from lakehouse import content, places
from lakehouse.flow import ingest, rebuild, refine
from tests.test_quarantine import READINGS, accounted, landing, readings, reference
from tests.worlds import lakehouse_in, land


def test_what_somebody_took_out_by_hand_is_put_back_and_counted_once(where, server, spark):
    at = lakehouse_in("rebuilt", where, server, spark)
    land(at, landing("a", reference() + readings("DEG", range(20))))
    ingest.everything(at)
    refine.everything(at)
    before, counts = str(content.of(at.store.read(READINGS), READINGS)), accounted(at)
    assert counts == ([10, 10, 0], [10, 10, 0])

    uri = places.uri(at.settings, READINGS)
    spark.sql(f"DELETE FROM delta.`{uri}` WHERE source_line < 10")
    assert at.store.read(READINGS).count() < 10
    rebuild.table(at, READINGS)
    assert str(content.of(at.store.read(READINGS), READINGS)) == before
    assert accounted(at) == counts
