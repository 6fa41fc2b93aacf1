"""gold, hour by hour: the fridges, the customers, the zones of a shop."""

from datetime import timedelta

from lakehouse.tables.schema import BUILD, Column, Table

_BUSINESS_DAY = Column("business_on", "date", "business day: in the shop's time zone")

TABLES = (
    Table(
        name="gold.fridge_hours",
        grain="one hour of one fridge of which anything is known",
        key=("shop_id", "day_on", "device_id", "hour_at"),
        columns=(
            Column("shop_id", "string", "the shop it stood in", is_never_null=True),
            Column("day_on", "date", "UTC day of the hour", is_never_null=True),
            Column("device_id", "string", "the fridge's thermometer", is_never_null=True),
            Column("hour_at", "timestamp", "UTC; start of the hour", is_never_null=True),
            _BUSINESS_DAY,
            Column("readings", "bigint", "temperatures measured in the hour", is_never_null=True),
            Column("mean_c", "double", "degrees Celsius, mean of the readings, to 2 places"),
            Column("max_c", "double", "degrees Celsius, the warmest reading, to 3 places"),
            Column(
                "measured_s",
                "bigint",
                "seconds of which the temperature is known: a reading holds until the next, at most "
                "twice the device's interval",
                is_never_null=True,
            ),
            Column(
                "too_warm_s",
                "bigint",
                "of them above 5 °C (US FDA Food Code 2022, 3-501.16(A)(2): 41 °F)",
                is_never_null=True,
            ),
            Column(
                "too_cold_s",
                "bigint",
                "of them below 0 °C, where what is chilled and not frozen freezes",
                is_never_null=True,
            ),
            Column(
                "doubted_s",
                "bigint",
                "of those too warm or too cold the seconds in which silver.device_faults says that "
                "the thermometer was wrong (stuck, spike, drift, step)",
                is_never_null=True,
            ),
            Column(
                "metered_s",
                "bigint",
                "seconds of which the compressor's power is known",
                is_never_null=True,
            ),
            Column("running_s", "bigint", "of them above 50 W", is_never_null=True),
            Column("duty", "double", "running ÷ metered, to 4 places; null where not metered"),
            Column(
                "door_open_s",
                "bigint",
                "seconds in which its door was open; null where no door is heard",
            ),
            Column(
                "door_left_open_s",
                "bigint",
                "of them those after the first minute of an opening; null where no door is heard",
            ),
            BUILD,
        ),
        upstream=("silver.readings", "silver.devices", "silver.device_faults", "silver.shops"),
        windows={
            "silver.readings": ("shop_id", "to_date(measured_at)"),
            "silver.device_faults": ("shop_id", "day_on"),
        },
        # A door's last word holds for 12 hours; an hour more knows where an opening began.
        reach=timedelta(hours=13),
    ),
    Table(
        name="gold.customer_hours",
        grain="one hour of one customer in which it is known how warm or humid it was around them",
        key=("day_on", "subject", "hour_at"),
        columns=(
            Column("day_on", "date", "UTC day of the hour", is_never_null=True),
            Column("subject", "string", "pseudonym", is_never_null=True),
            Column("hour_at", "timestamp", "UTC; start of the hour", is_never_null=True),
            Column("readings", "bigint", "temperatures and humidities", is_never_null=True),
            Column("temperature_readings", "bigint", "of them temperatures", is_never_null=True),
            Column("temperature_mean_c", "double", "degrees Celsius, to 2 places"),
            Column("humidity_readings", "bigint", "of them humidities", is_never_null=True),
            Column("humidity_mean_percent", "double", "% of relative humidity, to 2 places"),
            Column(
                "contact_preference",
                "string",
                "app, post, none; this and what follows as the CRM knew it at the last reading",
            ),
            Column("age_band", "string", "years, from-to; null where unknown"),
            Column("household_size", "string", "persons; 5+ is five or more; null where unknown"),
            BUILD,
        ),
        upstream=("silver.readings", "silver.customers", "silver.app_events"),
        windows={"silver.readings": ("to_date(measured_at)",)},
        by_subject={
            "silver.customers": "subject",
            "silver.app_events": "CASE WHEN kind LIKE 'consent%' THEN subject END",
        },
        subjects=("subject",),
        consent="analytics",
    ),
    Table(
        name="gold.shop_comfort",
        grain="one hour of one zone in which its air or its noise was measured",
        key=("shop_id", "hour_at", "zone_id"),
        columns=(
            Column("shop_id", "string", "the shop", is_never_null=True),
            Column("hour_at", "timestamp", "UTC; start of the hour", is_never_null=True),
            Column("zone_id", "string", "the zone", is_never_null=True),
            _BUSINESS_DAY,
            Column("hour_of_day", "int", "0 to 23: the hour in the shop's time zone"),
            Column(
                "temperature_mean_c",
                "double",
                "degrees Celsius of the room, fridges left out; mean, to 2 places",
            ),
            Column("humidity_mean_percent", "double", "% of relative humidity, mean, to 2 places"),
            Column("co2_mean_ppm", "double", "ppm, mean, to 1 place"),
            Column(
                "noise_leq_db",
                "double",
                "dB, equivalent continuous level (ISO 1996-1: the mean of the energy), to 1 place",
            ),
            Column(
                "entries",
                "bigint",
                "persons who came into the zone, as its counters saw them; null where none counted",
            ),
            Column(
                "shop_net_revenue_cents",
                "bigint",
                "cents: net_revenue_cents of the whole shop in the hour, as in gold.shop_hours",
                is_never_null=True,
            ),
            BUILD,
        ),
        upstream=(
            "silver.readings",
            "silver.footfall",
            "silver.devices",
            "silver.shops",
            "gold.shop_hours",
        ),
        windows={
            "silver.readings": ("shop_id", "date_trunc('HOUR', measured_at)"),
            "silver.footfall": ("shop_id", "date_trunc('HOUR', began_at)"),
            "gold.shop_hours": ("shop_id", "hour_at"),
        },
    ),
    Table(
        name="gold.comfort_associations",
        grain="how one measure of comfort went with one outcome in one zone and month",
        key=("shop_id", "month_on", "zone_id", "measure", "outcome"),
        columns=(
            Column("shop_id", "string", "the shop", is_never_null=True),
            Column("month_on", "date", "first business day of the month"),
            Column("zone_id", "string", "the zone", is_never_null=True),
            Column(
                "measure",
                "string",
                "column of gold.shop_comfort: temperature_mean_c, humidity_mean_percent, "
                "co2_mean_ppm, noise_leq_db",
                is_never_null=True,
            ),
            Column(
                "outcome",
                "string",
                "column of gold.shop_comfort: entries, shop_net_revenue_cents",
                is_never_null=True,
            ),
            Column("hours", "bigint", "hours in which both are known", is_never_null=True),
            Column(
                "effective_hours",
                "double",
                "as many independent hours say as much: one hour resembles the one before",
            ),
            Column(
                "rho",
                "double",
                "Spearman's rank correlation, -1 to 1, of what both differ by from their means at "
                "that hour of the day; no more than that they go together, to 4 places; null where "
                "one of them never changes",
            ),
            Column("rho_low", "double", "lower bound of its 95 % interval; null below 4 hours"),
            Column("rho_high", "double", "upper bound of its 95 % interval"),
            BUILD,
        ),
        upstream=("gold.shop_comfort",),
        windows={"gold.shop_comfort": ("shop_id", "trunc(business_on, 'MONTH')")},
    ),
)
