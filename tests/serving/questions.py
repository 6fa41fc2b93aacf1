"""What the same rows must answer whoever reads them: SQL that every reader understands."""

import math
from datetime import UTC, datetime
from decimal import Decimal

QUESTIONS = [
    "SELECT count(*) AS hours FROM gold.shop_hours",
    "SELECT shop_id, sum(net_revenue_cents) AS cents FROM gold.shop_hours GROUP BY shop_id",
    "SELECT shop_id, sum(baskets) * 1e0 / sum(visitors) AS conversion FROM gold.shop_hours "
    "WHERE visitors > 0 GROUP BY shop_id",
    "SELECT shop_id, min(hour_at) AS first_at, max(hour_at) AS last_at FROM gold.shop_hours "
    "GROUP BY shop_id",
    "SELECT business_on, sum(baskets) AS baskets FROM gold.shop_hours GROUP BY business_on",
    "SELECT shop_id, count(*) AS hours FROM gold.shop_hours GROUP BY shop_id HAVING count(*) > 2",
    "SELECT s.currency, sum(h.net_revenue_cents) AS cents FROM gold.shop_hours AS h "
    "JOIN gold.shops AS s ON s.shop_id = h.shop_id GROUP BY s.currency",
    "SELECT s.shop_id, count(v.subject) AS visits FROM gold.shops AS s "
    "LEFT JOIN gold.visits AS v ON v.shop_id = s.shop_id GROUP BY s.shop_id",
    "SELECT hour_at, shop_id, CASE WHEN net_revenue_cents < 0 THEN 'refunds' ELSE 'sales' END AS kind "
    "FROM gold.shop_hours",
    "SELECT count(DISTINCT business_on) AS days FROM gold.shop_hours",
    "SELECT shop_id, hour_at, conversion FROM gold.shop_hours WHERE conversion IS NULL",
    "SELECT shop_id, hour_at, coalesce(visitors, -1) AS visitors FROM gold.shop_hours",
    "SELECT shop_id, hour_at FROM gold.shop_hours WHERE net_revenue_cents BETWEEN 5000 AND 10000",
    "SELECT device_id, max_c, too_warm_s FROM gold.fridge_hours WHERE shop_id IN ('S1', 'S9')",
    "SELECT device_id FROM gold.fridge_hours WHERE device_id LIKE 'S1-%' AND too_warm_s > 0",
    "SELECT shop_id, sum(too_warm_s) * 1e0 / 60 AS minutes FROM gold.fridge_hours GROUP BY shop_id",
    "SELECT zone_id, count(*) AS visits, sum(dwell_s) * 1e0 / count(*) AS mean_dwell_s "
    "FROM gold.visits GROUP BY zone_id",
    "SELECT DISTINCT shop_id, zone_id FROM gold.visits",
    "SELECT subject, entered_at, left_at FROM gold.visits WHERE dwell_s >= 240",
    "SELECT product_id, sum(out_of_stock_s) AS seconds, sum(lost_units) AS lost FROM gold.shelf_stock "
    "GROUP BY product_id",
    "SELECT shop_id, product_id, hour_at, units FROM gold.shelf_stock "
    "WHERE units = 0 AND lost_units IS NOT NULL",
    "SELECT product_id, min(till_difference_cents) AS least FROM gold.price_checks GROUP BY product_id",
    "SELECT kind, count(*) AS devices, min(health) AS worst FROM gold.device_health GROUP BY kind",
    "SELECT device_id, day_on, health FROM gold.device_health WHERE health < 0.95",
    "SELECT segment, words, count(*) AS customers FROM gold.customer_segments GROUP BY segment, words",
    "SELECT s.segment, sum(f.net_revenue_cents) AS cents, max(f.baskets) AS most "
    "FROM gold.customer_segments AS s JOIN gold.customer_features AS f "
    "ON f.subject = s.subject AND f.as_of_on = s.as_of_on GROUP BY s.segment",
    "SELECT item, count(*) AS times FROM gold.recommendations WHERE rank = 1 AND task = 'new' "
    "GROUP BY item",
    "WITH rich AS (SELECT subject FROM gold.customer_features WHERE net_revenue_cents > 7500) "
    "SELECT r.subject, r.item, r.rank FROM gold.recommendations AS r "
    "JOIN rich ON rich.subject = r.subject",
    "SELECT 'fridges' AS kind, count(*) AS things FROM gold.fridge_hours "
    "UNION ALL SELECT 'visits' AS kind, count(*) AS things FROM gold.visits",
    "SELECT shop_id, hour_at, baskets FROM gold.shop_hours WHERE shop_id IN "
    "(SELECT shop_id FROM gold.fridge_hours WHERE too_warm_s > 1000)",
]


def plain(rows):
    """Rows as every reader means them: numbers without their types, instants in UTC, any order."""
    return sorted((tuple(_plain(value) for value in row) for row in rows), key=repr)


def _plain(value):
    if isinstance(value, float | Decimal):
        number = float(f"{float(value):.9g}")
        return None if math.isnan(number) else int(number) if number.is_integer() else number
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    return value
