"""gold.experiments: what each form of an offer did beside its control, and how sure that is."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

# Of a difference of shares: how wide true effects are thought to lie about nothing (assumed: five
# points). It says how soon an effect of a size is found, not how often nothing is taken for one.
_USUAL_EFFECT = 0.05
# Evidence of 1 / 0.05: who looks as often as they like is misled in at most 5 of 100 experiments.
_ENOUGH = 20.0
_NORMAL_95 = 1.959964
# Chi-squared with one degree of freedom above this: p < 0.001.
_UNEVEN = 10.828

_OFFER = ("offer_id",)
_FORM = ("offer_id", "variant")


def build(exposures: DataFrame, assignments: DataFrame) -> DataFrame:
    """Count each customer once, in the form of the offer that was shown to it first; it has used the
    offer where any showing in that form was used.

    The control is the form declared as such, or the first by name where none is; one that was shown
    to nobody is beside nothing. Customers are split by the shares declared, or evenly.

    Takes   exposures, assignments  gold tables of these names
    Gives   gold.experiments
    Source  interval: Agresti and Caffo (The American Statistician 54(4), 2000); evidence: the
            mixture likelihood ratio of Johari, Koomen, Pekelis and Walsh ("Always Valid Inference",
            Operations Research 70(3), 2022), by the normal approximation.
    """
    wanted = assignments.select("subject", "offer_id", F.col("variant").alias("_wanted"))
    declared = assignments.groupBy(*_FORM).agg(F.first("share").alias("_share"))
    declared_controls = assignments.groupBy(*_OFFER).agg(F.first("control").alias("_is_to_be"))
    forms = (
        _customers(exposures)
        .join(wanted, on=["subject", "offer_id"], how="left")
        .groupBy(*_FORM)
        .agg(
            F.count("*").alias("subjects"),
            F.count_if("is_used").alias("used"),
            F.count_if(F.col("_wanted") != F.col("variant")).alias("_strayed"),
            F.max("shown_at").alias("last_shown_at"),
        )
        .join(declared, on=list(_FORM), how="left")
        .join(declared_controls, on=list(_OFFER), how="left")
    )
    may_be = forms.where("_is_to_be IS NULL OR variant = _is_to_be")
    controls = may_be.groupBy(*_OFFER).agg(
        F.min_by(F.struct("variant", "subjects", "used", "_share"), "variant").alias("_control")
    )
    return (
        forms.join(controls, on=list(_OFFER), how="inner")
        .select(
            "*",
            F.col("_control.variant").alias("control"),
            F.col("_control.subjects").alias("control_subjects"),
            F.col("_control.used").alias("control_used"),
            F.col("_control._share").alias("_control_share"),
        )
        .where("variant <> control")
        .withColumns(
            {"_lift": _share("used", "subjects") - _share("control_used", "control_subjects")}
        )
        .withColumns({"_half": _half(), "_evidence": _evidence(), "_chi_squared": _chi_squared()})
        .select(
            "offer_id",
            "variant",
            "control",
            "subjects",
            "used",
            "control_subjects",
            "control_used",
            F.when(F.col("_share").isNotNull(), F.col("_strayed")).alias("strayed"),
            "last_shown_at",
            F.round("_lift", 6).alias("lift"),
            F.round(_middle() - F.col("_half"), 6).alias("lift_low"),
            F.round(_middle() + F.col("_half"), 6).alias("lift_high"),
            F.round("_evidence", 4).alias("evidence"),
            F.round("_chi_squared", 4).alias("sampled_chi_squared"),
            _verdict().alias("verdict"),
        )
    )


def _customers(exposures: DataFrame) -> DataFrame:
    """Each customer of an offer once, with its first form and whether that was ever used."""
    shown = exposures.where("offer_id IS NOT NULL AND variant IS NOT NULL")
    uses = shown.groupBy("subject", *_FORM).agg(F.bool_or("is_used").alias("is_used"))
    first = shown.where("nth = 1").select("subject", *_FORM, "shown_at")
    return first.join(uses, on=["subject", *_FORM], how="inner")


def _share(used: str, subjects: str) -> Column:
    return F.col(used) / F.col(subjects)


def _more(used: str, subjects: str) -> tuple[Column, Column]:
    """The share with one use and one other added, and its variance."""
    of = F.col(subjects) + 2
    share = (F.col(used) + 1) / of
    return share, share * (1 - share) / of


def _middle() -> Column:
    return _more("used", "subjects")[0] - _more("control_used", "control_subjects")[0]


def _half() -> Column:
    """Half of the 95 % interval of the lift."""
    variance = _more("used", "subjects")[1] + _more("control_used", "control_subjects")[1]
    return _NORMAL_95 * F.sqrt(variance)


def _evidence() -> Column:
    """How much likelier what was seen is under some effect than under none; null where nothing can
    be told.
    """
    both = F.col("subjects") + F.col("control_subjects")
    used = (F.col("used") + F.col("control_used")) / both
    variance = used * (1 - used) * (1 / F.col("subjects") + 1 / F.col("control_subjects"))
    wide = _USUAL_EFFECT**2
    grows = wide * F.col("_lift") ** 2 / (2 * variance * (variance + wide))
    # (Beyond e^100 there is nothing to be told apart.)
    ratio = F.sqrt(variance / (variance + wide)) * F.exp(F.least(grows, F.lit(100.0)))
    return F.when(variance > 0, ratio)


def _chi_squared() -> Column:
    """How far the numbers of customers are from the shares of the two forms."""
    both = F.col("subjects") + F.col("control_subjects")
    part = F.coalesce(F.col("_share") / (F.col("_share") + F.col("_control_share")), F.lit(0.5))
    apart = F.col("subjects") - both * part
    return apart * apart / (both * part * (1 - part))


def _verdict() -> Column:
    is_found = F.col("_evidence") >= _ENOUGH
    return (
        F.when(F.col("_chi_squared") > _UNEVEN, "not sampled evenly")
        .when(is_found & (F.col("_lift") > 0), "better")
        .when(is_found & (F.col("_lift") < 0), "worse")
        .otherwise("open")
    )
