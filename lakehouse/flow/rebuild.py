"""Rebuild: a table once more from the layer below, all of it or the messages of a shop and some days."""

import functools
import secrets
from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse import tables, verdicts
from lakehouse.errors import GateFailed, UnknownName
from lakehouse.flow import audited, build, cases, refine
from lakehouse.flow.place import Place
from lakehouse.judging import POSITION
from lakehouse.ledger import Batch
from lakehouse.tables import Table

_EVENTS = tables.by_name("bronze.events")


def table(
    place: Place,
    declared: Table,
    shop_id: str | None = None,
    first: date | None = None,
    last: date | None = None,
    *,
    reason: str | None = None,
) -> Batch | None:
    """Rebuild a silver table from bronze, or a gold table from silver (in full); ops.audit has it.

    Takes   shop_id      silver: only messages that name this shop in their envelope
            first, last  silver: only messages emitted on these days and between, UTC
            A silver history is rebuilt in full: its versions hang together.
    Gives   the batch; None where no message was meant

    Raises UnknownName for a table that is neither silver nor gold, GateFailed for a gold table that
    stands on one that does not pass.
    """
    done = _table(place, declared, _conditions(shop_id, first, last))
    if done:
        audited.note(place, "rebuild", declared.name, reason, batches=[done])
    return done


def _table(place: Place, declared: Table, conditions: list[Column]) -> Batch | None:
    if declared in tables.BUILT:
        silver = (*tables.SILVER, *tables.DERIVED)
        stands = build.judged(place, [one for one in silver if one.name in declared.upstream])
        if said := verdicts.sentences(stands):
            raise GateFailed(*said)
        versions = {name: stand.version for name, stand in stands.items()}
        return build.table(place, declared, versions, in_full=True)
    if declared.layer != "silver":
        known = (one.name for one in (*tables.SILVER, *tables.BUILT))
        raise UnknownName("table to rebuild", declared.name, known)
    # What changed elsewhere is refined first: the batch notes the references as they are now, and
    # rows that are not rebuilt must have been judged with them too.
    refine.everything(place)
    events = place.store.read(_EVENTS, refine.progress(place, declared))
    events = events.where(F.col("feed") == F.lit(declared.feed))
    if not declared.is_history:
        events = _meant(place, declared, events, conditions)
    if events.isEmpty():
        return None
    batch_id = f"{refine.STAGE}-again-{declared.short_name}-{secrets.token_hex(4)}"
    return refine.again(place, declared, events, batch_id)


def _conditions(shop_id: str | None, first: date | None, last: date | None) -> list[Column]:
    day = F.to_date("emitted_at")
    return [
        condition
        for given, condition in (
            (shop_id, F.col("shop_id") == F.lit(shop_id)),
            (first, day >= F.lit(first)),
            (last, day <= F.lit(last)),
        )
        if given is not None
    ]


def _meant(place: Place, declared: Table, events: DataFrame, conditions: list[Column]) -> DataFrame:
    """The messages that are meant, and those that were repeats of one of them."""
    if not conditions:
        return events
    meant = functools.reduce(DataFrame.where, conditions, events)
    wanted = cases.with_followers(place, declared, meant.select(*POSITION))
    return events.join(wanted, on=list(POSITION), how="left_semi")
