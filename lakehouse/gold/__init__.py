"""gold: one file a table, one function from silver frames to its rows."""

from collections.abc import Callable

from pyspark.sql import DataFrame

from lakehouse.gold import (
    baskets,
    calendar,
    comfort_associations,
    customer_features,
    customer_hours,
    data_quality,
    device_health,
    experiments,
    exposures,
    fridge_hours,
    geofence_crossings,
    paths,
    price_checks,
    product_places,
    products,
    ratings,
    reconciliation,
    shelf_stock,
    shop_comfort,
    shop_hours,
    shops,
    visits,
)

# Takes the upstream frames in declared order; gives the table's columns without batch_id.
BUILD: dict[str, Callable[..., DataFrame]] = {
    "gold.products": products.build,
    "gold.shops": shops.build,
    "gold.calendar": calendar.build,
    "gold.shop_hours": shop_hours.build,
    "gold.baskets": baskets.build,
    "gold.ratings": ratings.build,
    "gold.customer_features": customer_features.build,
    "gold.device_health": device_health.build,
    "gold.data_quality": data_quality.build,
    "gold.fridge_hours": fridge_hours.build,
    "gold.customer_hours": customer_hours.build,
    "gold.shop_comfort": shop_comfort.build,
    "gold.comfort_associations": comfort_associations.build,
    "gold.exposures": exposures.build,
    "gold.experiments": experiments.build,
    "gold.price_checks": price_checks.build,
    "gold.shelf_stock": shelf_stock.build,
    "gold.product_places": product_places.build,
    "gold.reconciliation": reconciliation.build,
    "gold.visits": visits.build,
    "gold.paths": paths.build,
    "gold.geofence_crossings": geofence_crossings.build,
}
