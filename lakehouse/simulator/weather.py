"""weather: what it was like outside each shop, hour by hour, as a weather service says it."""

import numpy as np

from lakehouse.settings import Simulation
from lakehouse.simulator import draws, places, text
from lakehouse.simulator.purchases import END

# December means and daily swings of Cincinnati, Chicago and Denver (NOAA climate normals
# 1991-2020, rounded); what comes on top goes on from hour to hour (assumed: an AR(1) of 0.97).
MEAN_C = (1.5, -1.5, -0.5)
SWING_C = 4.0
KEPT, SHOCK_C = 0.97, 0.7
WET_SHARE, WET_MM = 0.12, 1.2


def rows(size: Simulation, seed: int) -> dict[str, object]:
    """The columns of the reference set: shop, hour, temperature and precipitation."""
    chance = draws.stream(seed, "weather")
    hours = size.sensor_days * 24
    first_at = END - np.timedelta64(hours, "h")
    hour_at = np.tile(first_at + np.arange(hours) * np.timedelta64(1, "h"), len(places.SHOPS))
    parts = []
    for mean_c in MEAN_C:
        shocks = chance.normal(0, SHOCK_C, hours)
        weather_c = np.zeros(hours)
        for hour in range(1, hours):
            weather_c[hour] = weather_c[hour - 1] * KEPT + shocks[hour]
        swing = SWING_C * np.sin((np.arange(hours) - 10) / 24 * 2 * np.pi)
        parts.append(mean_c + swing + weather_c)
    is_wet = chance.random(len(hour_at)) < WET_SHARE
    shops = np.repeat(np.array(places.SHOP_IDS, dtype=object), hours)
    return {
        "_shop_id": shops,
        "shop_id": text.quoted(shops),
        "hour_at": text.quoted_ids(text.instants(hour_at, "s")),
        "temperature_c": text.numbers(np.concatenate(parts).round(1)),
        "precipitation_mm": text.numbers(
            (is_wet * chance.exponential(WET_MM, len(hour_at))).round(1)
        ),
    }
