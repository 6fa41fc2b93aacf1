"""How two series go together: rank correlation, and how sure it is; frames and columns in and out."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

# The normal distribution's 97.5 % quantile: an interval of 95 %.
_Z = 1.959963984540054


def spearman(pairs: DataFrame, by: Sequence[str], x: str, y: str, at: str) -> DataFrame:
    """Spearman's rank correlation of two columns in each group.

    Ranks are doubled and centred, so that all that is summed up is whole numbers.

    Takes   pairs  rows in which neither is null
            at     orders the rows of a group
    Gives   the columns of `by`, and
              pairs            bigint  rows of the group
              effective_pairs  double  as many independent rows say as much; `pairs` at most
              rho              double  null where x or y is always the same
    Source  effective_pairs: Bartlett, "Some aspects of the time-correlation problem", 1935, by the
            autocorrelation of the ranks at lag 1.
    """
    in_time = Window.partitionBy(*by).orderBy(at)
    ranked = pairs.withColumns({"_x": _rank(by, x), "_y": _rank(by, y)}).withColumns(
        {"_x_before": F.lag("_x").over(in_time), "_y_before": F.lag("_y").over(in_time)}
    )
    xx, yy = _product("_x", "_x"), _product("_y", "_y")
    rho = F.try_divide(_product("_x", "_y"), F.sqrt(xx) * F.sqrt(yy))
    x_again = F.try_divide(_product("_x", "_x_before"), xx)
    y_again = F.try_divide(_product("_y", "_y_before"), yy)
    return ranked.groupBy(*by).agg(
        F.count("*").alias("pairs"),
        _effective(F.count("*"), x_again * y_again).alias("effective_pairs"),
        rho.alias("rho"),
    )


def interval(rho: Column, pairs: Column) -> tuple[Column, Column]:
    """Lower and upper bound of the 95 % interval of Spearman's rho; null up to three pairs.

    Source  Fisher's transformation with the standard error of Bonett and Wright, "Sample size
            requirements for estimating Pearson, Kendall and Spearman correlations", 2000.
    """
    error = F.sqrt((1 + rho * rho / 2) / F.when(pairs > 3, pairs - 3))
    return F.tanh(F.atanh(rho) - _Z * error), F.tanh(F.atanh(rho) + _Z * error)


def _rank(by: Sequence[str], of: str) -> Column:
    """Twice the rank less its mean; equal values share the mean of their ranks."""
    group = Window.partitionBy(*by)
    ties = F.count("*").over(Window.partitionBy(*by, of))
    lowest = F.rank().over(group.orderBy(of))
    return 2 * lowest + ties - F.count("*").over(group) - 2


def _product(one: str, other: str) -> Column:
    return F.sum(F.col(one) * F.col(other))


def _effective(pairs: Column, again: Column) -> Column:
    positive = F.greatest(again, F.lit(0.0))
    return pairs * (1 - positive) / (1 + positive)
