"""silver: one file a table, one function from bronze messages and reference frames to its rows."""

from collections.abc import Callable

from pyspark.sql import DataFrame

from lakehouse.silver import (
    app_events,
    calibrations,
    customers,
    deliveries,
    detections,
    device_faults,
    devices,
    footfall,
    planogram,
    positions,
    prices,
    products,
    promotions,
    readings,
    rfid_reads,
    sales,
    shops,
    sightings,
    tag_stays,
    telematics,
    weather,
    zones,
)

# Takes the upstream frames in declared order; gives the table's columns and those its rules need.
# The last two are built from silver.
BUILD: dict[str, Callable[..., DataFrame]] = {
    "silver.shops": shops.build,
    "silver.zones": zones.build,
    "silver.devices": devices.build,
    "silver.calibrations": calibrations.build,
    "silver.products": products.build,
    "silver.customers": customers.build,
    "silver.planogram": planogram.build,
    "silver.promotions": promotions.build,
    "silver.weather": weather.build,
    "silver.readings": readings.build,
    "silver.sightings": sightings.build,
    "silver.sales": sales.build,
    "silver.rfid_reads": rfid_reads.build,
    "silver.footfall": footfall.build,
    "silver.deliveries": deliveries.build,
    "silver.detections": detections.build,
    "silver.telematics": telematics.build,
    "silver.positions": positions.build,
    "silver.app_events": app_events.build,
    "silver.prices": prices.build,
    "silver.device_faults": device_faults.build,
    "silver.tag_stays": tag_stays.build,
}
