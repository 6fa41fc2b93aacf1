"""silver.weather: every message typed, none dropped."""

from datetime import UTC, datetime

from chispa import assert_df_equality

from lakehouse.silver import weather
from tests.silver.conftest import ARRIVED, FROM

HOUR = datetime(2026, 3, 1, 9, tzinfo=UTC)


def test_a_message_is_typed_and_what_cannot_be_read_is_null_and_stays(events, silver):
    def said(hour, temperature, precipitation, effective_at):
        of = {"shop_id": "S1", "hour_at": hour, "temperature_c": temperature}
        of |= {"precipitation_mm": precipitation, "effective_at": effective_at}
        return {"shop_id": "S9", "payload": of}

    actual = weather.build(
        events(
            "weather",
            said("2026-03-01T09:00:00Z", "-1.5", 0.2, "2026-02-01T00:00:00Z"),
            said("nine", "NaN", "much", "now"),
        )
    )
    source = (ARRIVED, "object")
    expected = silver(
        "silver.weather",
        ("S1", HOUR, -1.5, 0.2, FROM, "e1", *source, 1),
        ("S1", None, None, None, None, "e2", *source, 2),
    )
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)
