"""silver.detections: typed, with the zone that the camera says it saw, or stood in."""

from datetime import UTC, datetime, timedelta

from chispa import assert_df_equality

from lakehouse.silver import detections
from tests.silver.conftest import ARRIVED, FROM

SEEN = datetime(2026, 3, 1, 9, 5, tzinfo=UTC)
EARLY = SEEN - timedelta(hours=6)


def test_an_inference_is_typed_and_placed_and_none_is_dropped(events, frame, silver):
    def saw(at, device, zone, count, confidence):
        said = {"zone_id": zone, "label": f"in {zone}", "count": count, "confidence": confidence}
        said |= {"model": f"of {device}", "model_version": f"{count}.0"}
        return {"shop_id": "S1", "device_id": device, "emitted_at": at, "payload": said}

    messages = events(
        "detections",
        saw(SEEN, "C1", "Z2", "3", 0.41),
        saw(EARLY, "C1", None, -2, "1.5"),
        saw(FROM - timedelta(hours=1), "C1", "Z3", 2.5, "NaN"),
        saw(SEEN, "C9", None, "many", "sure"),
    )
    devices = frame(
        "silver.devices", {"device_id": "C1", "shop_id": "S2", "zone_id": "Z1", "valid_from": FROM}
    )
    before = FROM - timedelta(hours=1)
    rows = (
        ("S2", SEEN, "e1", "C1", "Z2", "in Z2", 3, 0.41, False, "C1"),
        ("S2", EARLY, "e2", "C1", "Z1", "in None", -2, 1.5, True, "C1"),
        ("S1", before, "e3", "C1", "Z3", "in Z3", None, None, True, None),
        ("S1", SEEN, "e4", "C9", None, "in None", None, None, False, None),
    )
    said = (("of C1", "3.0"), ("of C1", "-2.0"), ("of C1", "2.5.0"), ("of C9", "many.0"))
    expected = silver(
        "silver.detections",
        *(
            (*row[:8], *model, row[8], ARRIVED, "object", line, row[9])
            for line, (row, model) in enumerate(zip(rows, said, strict=True), start=1)
        ),
        extra="known_device_id string",
    )
    actual = detections.build(messages, devices)
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)
