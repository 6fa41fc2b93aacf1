"""What changes while the world runs: one beacon is moved, one thermometer calibrated anew."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lakehouse.settings import Simulation
from lakehouse.simulator import devices, draws, places
from lakehouse.simulator.purchases import END

Instant = np.datetime64

# What the reference sets say of the world from its beginning, and when they were sent.
FIRST_EFFECTIVE_AT = np.datetime64("2016-12-01T00:00:00", "ms")
FIRST_SENT_AT = np.datetime64("2016-12-31T06:00:00", "ms")

# The accuracy of a usual digital thermometer is 0.5 degrees Celsius from -10 to 85 (DS18B20 data
# sheet): calibration finds offsets inside it, and factors of a percent or two (assumed).
OFFSET_C = 0.5
SCALE = 0.02

# A moved beacon hangs beside the one that its new zone has already.
MOVED_BESIDE_M = 2.0


@dataclass(frozen=True)
class Calibration:
    """true value = scale x value in degrees Celsius + offset_c, from `valid_from` on."""

    device_id: str
    scale: float
    offset_c: float
    valid_from: Instant
    sent_at: Instant


@dataclass(frozen=True)
class BeaconMove:
    """A beacon that hangs in another zone from `moved_at` on."""

    shop_id: str
    beacon: str
    from_zone: str
    to_zone: str
    moved_at: Instant


def middle(size: Simulation) -> Instant:
    """The middle of the sensors' period, or of the receipts' where there are no sensors."""
    return END - np.timedelta64((size.sensor_days or size.receipt_days) * 12, "h")


def beacon_move(size: Simulation) -> BeaconMove:
    """The one beacon that is moved."""
    name = devices.beacon("S2", "pantry")
    return BeaconMove("S2", name, "pantry", "drinks", middle(size))


def table(size: Simulation, seed: int) -> pd.DataFrame:
    """The calibrations as a frame: device_id, scale, offset, valid_from."""
    rows = [(c.device_id, c.scale, c.offset_c, c.valid_from) for c in calibrations(size, seed)]
    return pd.DataFrame(rows, columns=["device_id", "scale", "offset", "valid_from"])


def calibrations(size: Simulation, seed: int) -> list[Calibration]:
    """Two thermometers of each shop, and one of them again in the last week.

    The later one is sent two days after it holds: readings it covers are there before it.
    """
    chance = draws.stream(seed, "calibrations")
    found = []
    for fridge in (fridge for shop in places.SHOPS for fridge in devices.fridges(shop)):
        scale = round(1 + chance.uniform(-SCALE, SCALE), 4)
        offset_c = round(chance.uniform(-OFFSET_C, OFFSET_C), 2)
        if fridge.device_id[-1] in "12":
            found.append(
                Calibration(fridge.device_id, scale, offset_c, FIRST_EFFECTIVE_AT, FIRST_SENT_AT)
            )
    if size.sensor_days:
        valid_from = END - np.timedelta64(min(5 * 24, size.sensor_days * 20), "h")
        sent_at = valid_from + np.timedelta64(2, "D")
        found.append(Calibration("S1-fridge-1", 1.015, -0.85, valid_from, sent_at))
    return found
