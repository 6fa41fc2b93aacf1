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
)
