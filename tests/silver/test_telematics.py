"""silver.telematics: reports typed, the cargo's temperature in Celsius, none dropped."""

from datetime import UTC, datetime, timedelta

import pytest
from chispa import assert_df_equality

from lakehouse.silver import telematics
from tests.silver.conftest import ARRIVED

DROVE = datetime(2026, 3, 1, 9, 5, tzinfo=UTC)
IN_THE_NIGHT = DROVE - timedelta(hours=16)
AS_SENT = (
    "latitude_as_sent string, longitude_as_sent string, door_as_sent string, "
    "temperature_as_sent double"
)


def report(temperature, unit, latitude=39.5, longitude=-104.5, door=False):
    said = {"latitude": latitude, "longitude": longitude, "cargo_temperature": temperature}
    payload = {**said, "unit": unit, "door_open": door}
    return {"shop_id": "S1", "device_id": f"V{unit}", "emitted_at": DROVE, "payload": payload}


def test_a_report_is_typed_and_what_cannot_be_read_is_null_and_stays(events, silver):
    actual = telematics.build(
        events(
            "telematics",
            report("41", "F", "39.25", -104.75, "true"),
            report(4.5, "C", None, None, None) | {"emitted_at": IN_THE_NIGHT},
            report("cold", "K", "north", "NaN", "ajar"),
        )
    )
    source = (ARRIVED, "object")
    nothing = (None, None, None, None)
    read = ("S1", DROVE, "e1", "VF", 39.25, -104.75, 5.0, True, False, *source, 1)
    without_a_fix = ("S1", IN_THE_NIGHT, "e2", "VC", None, None, 4.5, None, True, *source, 2)
    unreadable = ("S1", DROVE, "e3", "VK", *nothing, False, *source, 3)
    expected = silver(
        "silver.telematics",
        (*read, "39.25", "-104.75", "true", 41.0),
        (*without_a_fix, None, None, None, 4.5),
        (*unreadable, "north", "NaN", "ajar", None),
        extra=AS_SENT,
    )
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


@pytest.mark.parametrize(
    ("sent", "unit", "celsius"),
    [
        (-18, "C", -18.0),
        (0, "F", -160 / 9),
        (273.15, "K", 0.0),
        (4, "Réaumur", None),
        (4, None, None),
    ],
)
def test_a_temperature_is_in_celsius_or_null(events, sent, unit, celsius):
    [row] = telematics.build(events("telematics", report(sent, unit))).collect()
    assert row.cargo_temperature_c == pytest.approx(celsius, abs=1e-9)
    assert row.temperature_as_sent == sent
