"""silver.footfall: an interval with its beginning and the place of its counter."""

from datetime import UTC, datetime, timedelta

from chispa import assert_df_equality

from lakehouse.silver import footfall
from tests.silver.conftest import ARRIVED, FROM

END = datetime(2026, 3, 1, 9, 5, tzinfo=UTC)
EARLY = END - timedelta(hours=6)


def test_an_interval_is_typed_and_placed_and_none_is_dropped(events, frame, silver):
    def counted(at, device, entries, exits, interval):
        said = {"entries": entries, "exits": exits, "interval_s": interval}
        return {"shop_id": "S1", "device_id": device, "emitted_at": at, "payload": said}

    messages = events(
        "footfall",
        counted(END, "D1", "7", 4, "300"),
        counted(EARLY, "D1", -2, "many", 900),
        counted(END, "D9", 1, 2, "a while"),
    )
    devices = frame(
        "silver.devices", {"device_id": "D1", "shop_id": "S2", "zone_id": "Z1", "valid_from": FROM}
    )
    began = END - timedelta(minutes=5)
    sooner = EARLY - timedelta(minutes=15)
    source = (ARRIVED, "object")
    expected = silver(
        "silver.footfall",
        ("S2", began, END, "e1", "D1", "Z1", 7, 4, 300, False, *source, 1),
        ("S2", sooner, EARLY, "e2", "D1", "Z1", -2, None, 900, True, *source, 2),
        ("S1", None, END, "e3", "D9", None, 1, 2, None, False, *source, 3),
    )
    actual = footfall.build(messages, devices)
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)
