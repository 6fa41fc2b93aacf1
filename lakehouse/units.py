"""Units: the canonical one of each metric, and how a device's unit becomes it.

Worked out once by the pint library when this file is imported; Spark only sees factors and offsets.
"""

from dataclasses import dataclass
from fractions import Fraction

import pint

# metric -> canonical unit, and the units that devices are known to send: label -> pint's name.
_METRICS: dict[str, tuple[str, dict[str, str]]] = {
    "temperature": ("C", {"C": "degC", "°C": "degC", "F": "degF", "°F": "degF", "K": "kelvin"}),
    "humidity": ("%", {"%": "percent", "1": "dimensionless"}),
    "co2": ("ppm", {"ppm": "ppm", "%": "percent"}),
    "light": ("lx", {"lx": "lux", "fc": "lumen / foot ** 2"}),
    "motion": ("1", {"1": "dimensionless"}),
    "door_open": ("1", {"1": "dimensionless"}),
    "power": ("W", {"W": "watt", "kW": "kilowatt", "mW": "milliwatt"}),
    "vibration": ("m/s2", {"m/s2": "meter / second ** 2", "g": "standard_gravity"}),
    "noise": ("dB", {"dB": "dimensionless"}),
    "weight": ("kg", {"kg": "kilogram", "g": "gram", "lb": "pound", "oz": "ounce"}),
    "battery": ("%", {"%": "percent", "1": "dimensionless"}),
}


@dataclass(frozen=True)
class Conversion:
    """value in `canonical` = factor × value in `unit` + offset, for one metric."""

    metric: str
    unit: str
    canonical: str
    factor: float
    offset: float


def _conversions() -> tuple[Conversion, ...]:
    registry: pint.UnitRegistry[Fraction] = pint.UnitRegistry(
        non_int_type=Fraction
    )  # exact: a degree Fahrenheit is 5/9 K
    found = []
    for metric, (canonical, units) in _METRICS.items():
        for label, unit in units.items():
            zero, one = (
                registry.Quantity(Fraction(value), unit).to(units[canonical]).magnitude
                for value in (0, 1)
            )
            found.append(Conversion(metric, label, canonical, float(one - zero), float(zero)))
    return tuple(found)


CONVERSIONS = _conversions()
