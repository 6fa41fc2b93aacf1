"""Every model, declared: what for, learnt from which tables, by which parameters, judged by what.

Plain data; importing it loads neither Spark nor MLflow nor Airflow.
"""

from dataclasses import dataclass, field
from typing import Any

from lakehouse.errors import BadSetting, UnknownName


@dataclass(frozen=True)
class Parameter:
    """One number that a training can be given."""

    name: str
    default: float
    least: float
    most: float
    means: str


@dataclass(frozen=True)
class Metric:
    """One number that a model is judged by, on what came after the split; higher is better.

    baselines  what it has to beat, by the name of the method
    """

    name: str
    means: str
    baselines: tuple[str, ...]


@dataclass(frozen=True)
class Model:
    """One model.

    learns_from    tables; each must have passed the gate
    dated          of those, the column by which a row is before or after a split
    output         the gold table that scoring writes
    identity       its columns that say what is served, to whom
    watched        table -> feature -> SQL of one row: what is looked at for drift
    shown          columns of the output that are looked at likewise
    metrics        it has to beat every baseline of each, and the champion
    holdout_days   the last days, which it is judged on and never learns from
    most_seconds   that scoring everybody may take
    most_changed   the share of what was served that may change without a person's word
    """

    name: str
    purpose: str
    learns_from: tuple[str, ...]
    dated: dict[str, str]
    output: str
    identity: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    metrics: tuple[Metric, ...]
    watched: dict[str, dict[str, str]] = field(default_factory=dict)
    shown: tuple[str, ...] = ()
    holdout_days: int = 28
    most_seconds: float = 30.0
    most_changed: float = 0.8

    def settings(self, given: dict[str, float] | None = None) -> dict[str, float]:
        """The parameters of a training: those given, the defaults for the others.

        Raises UnknownName and BadSetting for what the model does not take.
        """
        given = given or {}
        known = {one.name: one for one in self.parameters}
        for name, value in given.items():
            if name not in known:
                raise UnknownName(f"parameter of {self.name}", name, known)
            one = known[name]
            if not one.least <= value <= one.most:
                raise BadSetting(
                    f"{self.name}: {name} is {value:g}; it can be {one.least:g} to {one.most:g}"
                )
        return {name: given.get(name, one.default) for name, one in known.items()}


Tables = dict[str, Any]  # name -> pandas frame: what a model is made of


@dataclass(frozen=True)
class Learnt:
    """What a training gives.

    tables   the model itself
    shown    name -> figures for plots and reports, not part of the model
    notes    sentences a person should read
    """

    tables: Tables
    shown: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judged:
    """What a model is worth on what came after the split.

    scores   metric -> pandas frame: a row a unit (a basket, a subject), a column a method: `model`
             and every baseline of the metric
    others   metrics that decide nothing: coverage, novelty, silhouette
    serves   metric -> the method that is served there; a baseline where none was beaten in training
    """

    scores: dict[str, Any]
    others: dict[str, float] = field(default_factory=dict)
    serves: dict[str, str] = field(default_factory=dict)


_BASKETS_WATCHED = {
    "gold.baskets": {
        "shop": "shop_id",
        "items": "size(product_ids)",
        "hour": "hour(paid_at)",
        "weekday": "dayofweek(paid_at)",
    }
}

MODEL = "model"  # the method of the model itself, beside its baselines

AFFINITIES = Model(
    name="affinities",
    purpose="what is bought together more often than by chance, to put side by side or to offer",
    learns_from=("gold.baskets", "gold.products"),
    dated={"gold.baskets": "paid_at"},
    output="gold.product_affinities",
    identity=("level", "antecedent", "consequent"),
    parameters=(
        Parameter("most_item_sets", 20_000, 100, 1_000_000, "item sets of a level at most"),
        Parameter("least_baskets", 20, 2, 1_000_000, "baskets that an item set is in at least"),
        Parameter("least_support", 0.001, 1e-6, 1.0, "share of the baskets that it is in at least"),
        Parameter("least_confidence", 0.05, 0.0, 1.0, "share of the baskets that keep the rule"),
        Parameter("false_discovery_rate", 0.01, 1e-6, 0.5, "share of the rules that are chance"),
    ),
    metrics=(
        Metric(
            "hit_rate_at_10",
            "share of later baskets whose hidden category is among the ten named",
            ("popularity",),
        ),
    ),
    watched=_BASKETS_WATCHED,
)

SEGMENTS = Model(
    name="segments",
    purpose="what kinds of customers there are, in words, to speak to each in its own way",
    learns_from=("gold.customer_features",),
    dated={"gold.customer_features": "as_of_on"},
    output="gold.customer_segments",
    identity=("subject", "segment"),
    parameters=(
        Parameter("least_k", 3, 2, 20, "segments at least"),
        Parameter("most_k", 8, 2, 20, "segments at most"),
        Parameter("bootstraps", 5, 2, 100, "samples that the stability is found by"),
    ),
    metrics=(
        Metric(
            "silhouette",
            "how much nearer a customer is to its own segment than to the next, a month later",
            ("spend_quantiles",),
        ),
    ),
    watched={
        "gold.customer_features": {
            "recency_d": "recency_d",
            "items a basket": "items / baskets",
            "cents a basket": "net_revenue_cents / baskets",
            "share of discounted items": "discounted_items / items",
            "share of weekend items": "weekend_items / items",
            "share of evening items": "evening_items / items",
        }
    },
    shown=("segment",),
)

RECOMMENDATIONS = Model(
    name="recommendations",
    purpose="what to offer to whom: what one buys again, and what one has not found yet",
    learns_from=("gold.baskets", "gold.products"),
    dated={"gold.baskets": "paid_at"},
    output="gold.recommendations",
    identity=("subject", "level", "task", "item"),
    parameters=(
        Parameter("rank", 32, 2, 256, "latent factors"),
        Parameter("regularisation", 0.1, 0.0, 10.0, "of the factors"),
        Parameter("alpha", 1.0, 0.01, 1000.0, "confidence that a unit of strength adds"),
        Parameter("half_life_d", 90.0, 1.0, 10_000.0, "days after which a purchase counts half"),
        Parameter("iterations", 10, 1, 100, "of alternating least squares"),
        Parameter("least_buyers", 10, 1, 1_000_000, "customers that an item has at least"),
        Parameter("most_items", 3000, 10, 100_000, "items of a level at most, the most bought"),
    ),
    metrics=(
        Metric(
            "ndcg_at_10_new",
            "how well the ten first name what is bought later for the first time",
            ("popularity", "shop_popularity", "co_occurrence"),
        ),
        Metric(
            "ndcg_at_10_again",
            "how well the ten first name what is bought later once more",
            ("popularity", "shop_popularity", "co_occurrence", "most_bought"),
        ),
    ),
    watched=_BASKETS_WATCHED,
    shown=("item", "method"),
)

MODELS = (AFFINITIES, SEGMENTS, RECOMMENDATIONS)


def by_name(name: str) -> Model:
    """The model called `name`; UnknownName lists those there are."""
    for model in MODELS:
        if model.name == name:
            return model
    raise UnknownName("model", name, (model.name for model in MODELS))
