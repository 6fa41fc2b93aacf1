"""How the shops are. Metrics are the columns of gold: what they mean is said in lakehouse/tables/."""

from lakehouse.pictures.schema import Page, Picture

_HOURS = """
SELECT shop_id, business_on, hour_at, baskets, items, net_revenue_cents, discount_cents, visitors,
  conversion, out_of_temperature_s
FROM gold.shop_hours
WHERE {chosen}
ORDER BY shop_id, hour_at"""
_BY = {"day": "business_on", "shop": "shop_id"}
_KEYS = ("shop_id", "business_on")


def _by_day(name: str, title: str, says: str, measure: str, *, unit: str, none: str) -> Picture:
    """A measure of gold.shop_hours by shop and business day."""
    return Picture(
        name=name,
        title=title,
        says=says,
        tables=("gold.shop_hours",),
        sql=f"""
SELECT business_on, shop_id, {measure} AS {name}
FROM gold.shop_hours
WHERE {{chosen}}
GROUP BY ALL
HAVING {name} IS NOT NULL
ORDER BY business_on, shop_id""",
        rows=_HOURS,
        draws="lines",
        across="business_on",
        up=name,
        unit=unit,
        colour="shop_id",
        keys=_KEYS,
        by=_BY,
        none=none,
    )


REVENUE = _by_day(
    "net_revenue",
    "Net revenue by shop and day",
    "What the shop receives, returns included, by business day.",
    "sum(net_revenue_cents) / 100",
    unit="in the shop's currency",
    none="Nothing was sold on these days.",
)
VISITORS = _by_day(
    "visitors",
    "Visitors by shop and day",
    "Persons who came in, as the door counters saw them, who miss some.",
    "CAST(sum(visitors) AS BIGINT)",
    unit="persons",
    none="No door counter was heard on these days.",
)
BASKETS = _by_day(
    "baskets",
    "Baskets by shop and day",
    "Receipts with at least one line.",
    "CAST(sum(baskets) AS BIGINT)",
    unit="receipts",
    none="Nothing was sold on these days.",
)
CONVERSION = _by_day(
    "conversion",
    "Conversion by shop and day",
    "Baskets a visitor, over the hours in which visitors were counted: the mean of the hours' "
    "conversion, each hour by its visitors.",
    "round(sum(conversion * visitors) / sum(visitors) FILTER (WHERE conversion IS NOT NULL), 4)",
    unit="baskets a visitor",
    none="No visitor was counted on these days.",
)

FRIDGES = Picture(
    name="fridges",
    title="Fridges that were too warm",
    says="Minutes above 5 °C, the warmest fifteen. In doubted minutes the thermometer itself was "
    "wrong; they are among those of all that was too warm or too cold.",
    tables=("gold.fridge_hours",),
    sql="""
SELECT device_id, shop_id, round(sum(too_warm_s) / 60, 1) AS too_warm_min,
  round(sum(doubted_s) / 60, 1) AS doubted_min, round(sum(measured_s) / 60, 1) AS measured_min,
  max(max_c) AS warmest_c
FROM gold.fridge_hours
WHERE {chosen}
GROUP BY ALL
HAVING sum(too_warm_s) > 0
ORDER BY too_warm_min DESC, device_id
LIMIT 15""",
    rows="""
SELECT device_id, shop_id, business_on, hour_at, readings, mean_c, max_c, measured_s, too_warm_s,
  too_cold_s, doubted_s, duty
FROM gold.fridge_hours
WHERE {chosen}
ORDER BY too_warm_s DESC, device_id, hour_at""",
    draws="bars",
    across="device_id",
    up="too_warm_min",
    unit="minutes above 5 °C",
    colour="shop_id",
    keys=("device_id",),
    by=_BY,
    none="No fridge was above 5 °C.",
)

DEVICES = Picture(
    name="devices",
    title="Devices that are not well",
    says="Health from 0 to 1: the share of its readings that came, less the time in which it was "
    "faulty; the mean of the days, the lowest fifteen.",
    tables=("gold.device_health",),
    sql="""
SELECT device_id, shop_id, kind, round(avg(health), 4) AS health, count(*) AS days,
  min(battery_percent) AS lowest_battery_percent, max(last_seen_at) AS last_seen_at
FROM gold.device_health
WHERE {chosen}
GROUP BY ALL
HAVING avg(health) < 1
ORDER BY health, device_id
LIMIT 15""",
    rows="""
SELECT device_id, shop_id, day_on, kind, zone_id, readings_expected, readings_seen, seen_share,
  faulty_s, battery_percent, last_seen_at, health
FROM gold.device_health
WHERE {chosen}
ORDER BY health, device_id, day_on""",
    draws="bars",
    across="device_id",
    up="health",
    unit="health, 0 to 1",
    colour="shop_id",
    keys=("device_id",),
    by={"day": "day_on", "shop": "shop_id"},
    none="Every device was well.",
)

_BY_UTC_DAY = {"day": "day_on", "shop": "shop_id"}

DWELL = Picture(
    name="dwell",
    title="How long customers stay in a zone",
    says="Minutes a stay, mean, of those with the app or a tag who agreed to it; the longest fifteen. "
    "Where somebody was is worked out from what was heard of them, and is not always right.",
    tables=("gold.visits",),
    sql="""
SELECT zone_id, shop_id, round(avg(dwell_s) / 60, 1) AS dwell_min, count(*) AS stays,
  count(DISTINCT subject) AS customers, round(avg(error_m), 1) AS error_mean_m
FROM gold.visits
WHERE {chosen}
GROUP BY ALL
ORDER BY dwell_min DESC, zone_id
LIMIT 15""",
    rows="""
SELECT zone_id, shop_id, entered_at, left_at, dwell_s, located_by, error_m
FROM gold.visits
WHERE {chosen}
ORDER BY dwell_s DESC, zone_id, entered_at""",
    draws="bars",
    across="zone_id",
    up="dwell_min",
    unit="minutes a stay",
    colour="shop_id",
    keys=("zone_id",),
    by=_BY_UTC_DAY,
    none="Nobody was heard on these days.",
)

GAPS = Picture(
    name="gaps",
    title="Goods that were not on the shelf",
    says="Hours in which nothing stood there, for half an hour at least, by tags or by weight; the "
    "longest fifteen, with the units that were not sold for it.",
    tables=("gold.shelf_stock",),
    sql="""
SELECT product_id, shop_id, round(sum(out_of_stock_s) / 3600, 1) AS out_h,
  round(sum(lost_units), 1) AS lost_units
FROM gold.shelf_stock
WHERE {chosen}
GROUP BY ALL
HAVING sum(out_of_stock_s) > 0
ORDER BY out_h DESC, product_id, shop_id
LIMIT 15""",
    rows="""
SELECT product_id, shop_id, day_on, hour_at, device_id, shelf_id, zone_id, counted_by, units, units_low,
  units_high, out_of_stock_s, out_from_at, out_to_at, lost_units, refill_rank
FROM gold.shelf_stock
WHERE {chosen}
ORDER BY out_of_stock_s DESC, product_id, hour_at""",
    draws="bars",
    across="product_id",
    up="out_h",
    unit="hours without a unit",
    colour="shop_id",
    keys=("product_id", "shop_id"),
    by=_BY_UTC_DAY,
    none="Every product that is watched was there.",
)

PRICES = Picture(
    name="prices",
    title="Labels and tills that differ from the price due",
    says="Hours of a product's label with each finding: another price than was due just then on the label "
    "or at the till, a label that did not answer, or was not heard.",
    tables=("gold.price_checks",),
    sql="""
SELECT finding, shop_id, count(*) AS label_hours, count(DISTINCT product_id) AS products,
  sum(till_difference_cents) / 100 AS till_difference
FROM (SELECT *, unnest(findings) AS finding FROM gold.price_checks WHERE {chosen})
GROUP BY ALL
ORDER BY label_hours DESC, finding, shop_id""",
    rows="""
SELECT unnest(findings) AS finding, shop_id, day_on, hour_at, product_id, device_id, due_price_cents,
  label_price_cents, told_at, acknowledged_at, sold_units, till_difference_cents
FROM gold.price_checks
WHERE {chosen}
ORDER BY finding, shop_id, hour_at, product_id""",
    draws="bars",
    across="finding",
    up="label_hours",
    unit="hours of labels",
    colour="shop_id",
    keys=("finding", "shop_id"),
    by=_BY_UTC_DAY,
    is_stacked=True,
    none="Every label and till had the price that was due.",
)

PAGE = Page(
    "shops",
    "Shops",
    "Visitors, baskets and revenue by business day; where customers stay; shelves, prices, fridges and "
    "devices that need a look.",
    (REVENUE, VISITORS, BASKETS, CONVERSION, DWELL, GAPS, PRICES, FRIDGES, DEVICES),
)
