"""Promise 3, late is not lost: late rows are kept, counted, and in the gold hours they belong to."""

from collections.abc import Iterator

from lakehouse import tables
from lakehouse.flow.promises.evidence import Evidence, listed
from lakehouse.tables import Table

_SALES = tables.by_name("silver.sales")
_SHOP_HOURS = tables.by_name("gold.shop_hours")
_HOUR_US = 3_600_000_000


def lost(evidence: Evidence) -> Iterator[str]:
    """Sentences about late rows that are not told, not counted, or not in gold."""
    for table in tables.SILVER:
        if table.happened:
            yield from _miscounted(evidence, table)
    yield from _not_in_gold(evidence)


def _is_late(table: Table) -> str:
    """Whether a row is late, worked out from the declaration in whole microseconds."""
    assert table.lateness is not None
    wait = _HOUR_US + round(table.lateness.total_seconds() * 1_000_000)
    happened = f"epoch_us({table.happened})"
    return f"(epoch_us(arrived_at) > {happened} - {happened} % {_HOUR_US} + {wait})"


def _miscounted(evidence: Evidence, table: Table) -> Iterator[str]:
    [(wrong, late)] = evidence.ask(
        f"SELECT count_if(is_late IS DISTINCT FROM {_is_late(table)}), "
        f"count(DISTINCT (source_object, source_line)) FILTER (WHERE {_is_late(table)}) "
        f"FROM {table.name}"
    )
    if wrong:
        yield f"{table.name}: is_late is wrong in {wrong} rows"
    said = sum(batch.late for batch in evidence.of(table))
    if said != late:
        yield f"{table.name}: the ledger says {said} late messages, there are {late}"


def _not_in_gold(evidence: Evidence) -> Iterator[str]:
    """The hours with late sales, summed up anew from the version that gold was built from."""
    built = evidence.of(_SHOP_HOURS)
    if not built:
        return
    sales = evidence.at(_SALES, built[-1].upstream[_SALES.name])
    hour = "date_trunc('hour', paid_at)"
    wrong = evidence.ask(
        f"""
        WITH sold AS (
            SELECT shop_id, {hour} AS hour_at, count(DISTINCT basket_id) AS baskets,
                count(*) AS items, sum(amount_cents) AS net_revenue_cents
            FROM {sales} GROUP BY ALL HAVING bool_or({_is_late(_SALES)})
        )
        SELECT shop_id, hour_at FROM sold LEFT JOIN {_SHOP_HOURS.name} AS told
        USING (shop_id, hour_at)
        WHERE (sold.baskets, sold.items, sold.net_revenue_cents)
            IS DISTINCT FROM (told.baskets, told.items, told.net_revenue_cents)
        ORDER BY ALL
        """
    )
    if wrong:
        hours = [f"{shop} at {at:%Y-%m-%d %H:%M}" for shop, at in wrong]
        yield f"{_SHOP_HOURS.name}: {len(hours)} hours with late sales are wrong: {listed(hours)}"
