"""Units: exact factors, and a canonical unit that is its own."""

import pytest

from lakehouse.units import CONVERSIONS

BY_UNIT = {(known.metric, known.unit): known for known in CONVERSIONS}


@pytest.mark.parametrize(
    ("metric", "unit", "sent", "canonical", "value"),
    [
        ("temperature", "F", -40.0, "C", -40.0),
        ("temperature", "°F", 41.0, "C", 5.0),
        ("temperature", "K", 273.15, "C", 0.0),
        ("temperature", "°C", 21.5, "C", 21.5),
        ("humidity", "1", 0.455, "%", 45.5),
        ("co2", "%", 0.05, "ppm", 500.0),
        ("light", "fc", 1.0, "lx", 10.763910417),
        ("power", "kW", 1.5, "W", 1500.0),
        ("power", "mW", 250.0, "W", 0.25),
        ("vibration", "g", 2.0, "m/s2", 19.6133),
        ("noise", "dB", 61.0, "dB", 61.0),
        ("weight", "lb", 10.0, "kg", 4.5359237),
        ("weight", "oz", 16.0, "kg", 0.45359237),
        ("weight", "g", 125.0, "kg", 0.125),
        ("battery", "1", 0.5, "%", 50.0),
    ],
)
def test_a_value_in_a_known_unit_becomes_canonical(metric, unit, sent, canonical, value):
    known = BY_UNIT[metric, unit]
    assert known.canonical == canonical
    assert known.factor * sent + known.offset == pytest.approx(value, abs=1e-9)


def test_a_canonical_unit_is_left_as_it_is():
    own = [known for known in CONVERSIONS if known.unit == known.canonical]
    assert {(known.factor, known.offset) for known in own} == {(1.0, 0.0)}
    assert {known.metric for known in own} == {known.metric for known in CONVERSIONS}


def test_a_metric_has_one_canonical_unit_and_each_unit_once():
    assert len(BY_UNIT) == len(CONVERSIONS)
    pairs = {(known.metric, known.canonical) for known in CONVERSIONS}
    assert len(pairs) == len({metric for metric, _ in pairs})


def test_a_unit_is_known_only_to_its_metric():
    assert ("humidity", "C") not in BY_UNIT
    assert ("temperature", "c") not in BY_UNIT
