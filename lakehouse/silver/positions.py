"""silver.positions: each fix of a phone, told apart from one with its coordinates swapped."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse import rows, tables

_TABLE = tables.by_name("silver.positions")

# How near its shop a fix is that was swapped, once it is turned round; 111 km to the north. A fix
# by a cell is off by some kilometres, and shoppers live within an hour's drive (assumed).
_NEAR_DEGREES = 1.0


def build(events: DataFrame, shops: DataFrame) -> DataFrame:
    """Type every fix; drop none. Where the phone may be is not judged: a jump is no fault of a row.

    Takes   events  bronze.events
            shops   silver.shops
    Gives   silver.positions, and for its rules
              is_swapped  boolean  far from its shop as it came, near it with latitude and longitude
                                   in each other's place; null where there is no telling
    Source  accuracy: "the radius of 68% confidence" (Android, Location.getAccuracy).
    """
    return (
        rows.payloads(events, "positions")
        .select(
            "event_id",
            "shop_id",
            "subject",
            F.col("emitted_at").alias("located_at"),
            *(
                rows.finite(F.col(f"said.{name}")).alias(name)
                for name in ("latitude", "longitude", "accuracy_m")
            ),
            F.col("said.provider").alias("provider"),
            *rows.ARRIVAL,
        )
        .transform(
            rows.in_force,
            shops,
            by={"shop_id": "shop_id"},
            at="located_at",
            gives={"latitude": "_shop_latitude", "longitude": "_shop_longitude"},
        )
        .select(
            "shop_id",
            "located_at",
            "event_id",
            "subject",
            "latitude",
            "longitude",
            "accuracy_m",
            "provider",
            rows.is_late("located_at", _TABLE.lateness),
            *rows.ARRIVAL,
            (~_is_near("latitude", "longitude") & _is_near("longitude", "latitude")).alias(
                "is_swapped"
            ),
        )
    )


def _is_near(latitude: str, longitude: str) -> Column:
    north = F.abs(F.col(latitude) - F.col("_shop_latitude"))
    east = F.abs(F.col(longitude) - F.col("_shop_longitude"))
    return (north <= _NEAR_DEGREES) & (east <= _NEAR_DEGREES)
