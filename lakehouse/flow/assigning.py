"""Assign: which form of each offer that is tried a customer is to be shown, into gold.assignments."""

import functools
import itertools
import json
import zlib

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse import tables
from lakehouse.flow import scoring
from lakehouse.flow.place import Place
from lakehouse.ledger import Batch
from lakehouse.settings import Split

_OUTPUT = tables.by_name("gold.assignments")
_OF = 1 << 32  # values that the first four bytes of a hash have


def assign(place: Place) -> Batch | None:
    """Split the customers who agreed among the forms that the settings declare; None where nothing
    has changed since that was done.

    Who withdraws is taken out, an offer that is no longer declared too.
    """
    experiments = place.settings.experiments
    read = {name: place.lake.version(tables.by_name(name)) for name in _OUTPUT.upstream}
    made_of = read | {"experiments": zlib.crc32(json.dumps(experiments).encode())}
    if not experiments and not place.lake.rows(_OUTPUT):
        return None

    def rows() -> DataFrame:
        customers = place.store.read(tables.by_name("silver.customers"), read["silver.customers"])
        subjects = customers.select("subject").dropna().distinct()
        assert _OUTPUT.consent
        return assigned(scoring.agreed(place, subjects, _OUTPUT.consent), experiments)

    return scoring.written(place, _OUTPUT, made_of, rows)


def assigned(subjects: DataFrame, experiments: dict[str, Split]) -> DataFrame:
    """Each subject's form of each offer: the same at each call, by no other offer's forms, and the
    same for who was there before where others come.

    Takes   subjects     subject
            experiments  offer_id -> form -> share of the subjects; the first form is the control
    Gives   gold.assignments without batch_id
    Source  a hash of unit and experiment, cut by the shares: Kohavi, Tang and Xu, Trustworthy
            Online Controlled Experiments (2020), chapter 4
    """
    parts = [_split(subjects, offer_id, shares) for offer_id, shares in experiments.items()]
    nobody = _split(subjects.limit(0), "", {"": 1.0})
    return functools.reduce(DataFrame.union, parts, nobody)


def _split(subjects: DataFrame, offer_id: str, shares: Split) -> DataFrame:
    whole = F.sha2(F.concat_ws(":", F.lit(offer_id), "subject"), 256)
    part = F.conv(F.substring(whole, 1, 8), 16, 10).cast("double") / _OF
    *first, last = zip(shares, itertools.accumulate(shares.values()), strict=True)
    form = _form(last[0], shares)
    for name, below in reversed(first):
        form = F.when(part < below, _form(name, shares)).otherwise(form)
    return subjects.withColumn("form", form).select(
        "subject",
        F.lit(offer_id).alias("offer_id"),
        "form.variant",
        "form.share",
        F.lit(next(iter(shares))).alias("control"),
    )


def _form(name: str, shares: Split) -> Column:
    return F.struct(F.lit(name).alias("variant"), F.lit(shares[name]).alias("share"))
