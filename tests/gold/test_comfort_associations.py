"""gold.comfort_associations: what goes together beyond what the hour of the day makes go together."""

from datetime import UTC, date, datetime, timedelta

from lakehouse.gold import comfort_associations

START = datetime(2026, 3, 2, tzinfo=UTC)
HOURS = (9, 15, 20)


def hour(day, number, **cells):
    known = {"shop_id": "S1", "zone_id": "Z1", "hour_of_day": HOURS[number]}
    when = START + timedelta(days=day, hours=HOURS[number])
    return known | {"hour_at": when, "business_on": when.date(), **cells}


def test_a_zone_and_month_have_a_row_a_measure_and_an_outcome_without_the_hour_of_the_day(frame):
    rows = [
        hour(
            day,
            number,
            # Both are high in the evening; of a day that is warmer, each hour takes less.
            temperature_mean_c=20.0 + 5 * number + day % 5 / 10,
            shop_net_revenue_cents=1000 * number - 10 * (day % 5),
            entries=7,
        )
        for day in range(20)
        for number in range(3)
    ]
    april = hour(35, 0, noise_leq_db=50.0, entries=3, shop_net_revenue_cents=1)
    found = {
        (row.month_on.month, row.measure, row.outcome): row
        for row in comfort_associations.build(frame("gold.shop_comfort", *rows, april)).collect()
    }
    assert set(found) == {
        (3, "temperature_mean_c", "entries"),
        (3, "temperature_mean_c", "shop_net_revenue_cents"),
        (4, "noise_leq_db", "entries"),
        (4, "noise_leq_db", "shop_net_revenue_cents"),
    }
    told = found[3, "temperature_mean_c", "shop_net_revenue_cents"]
    assert (told.month_on, told.zone_id, told.hours, told.rho) == (date(2026, 3, 1), "Z1", 60, -1.0)
    assert 4 < told.effective_hours < 60
    assert found[3, "temperature_mean_c", "entries"].rho is None
    alone = found[4, "noise_leq_db", "entries"]
    assert (alone.hours, alone.rho, alone.rho_low, alone.rho_high) == (1, None, None, None)
