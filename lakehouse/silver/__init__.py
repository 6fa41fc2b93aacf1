"""silver: one file a table, one function from bronze messages and reference frames to its rows."""

from collections.abc import Callable

from pyspark.sql import DataFrame

from lakehouse.silver import (
    calibrations,
    customers,
    devices,
    products,
    readings,
    sales,
    shops,
    sightings,
    zones,
)

# Takes the upstream frames in declared order; gives the table's columns and those its rules need.
BUILD: dict[str, Callable[..., DataFrame]] = {
    "silver.shops": shops.build,
    "silver.zones": zones.build,
    "silver.devices": devices.build,
    "silver.calibrations": calibrations.build,
    "silver.products": products.build,
    "silver.customers": customers.build,
    "silver.readings": readings.build,
    "silver.sightings": sightings.build,
    "silver.sales": sales.build,
}
