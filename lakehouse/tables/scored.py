"""gold that models write: what `lakehouse score` gives of the champion of each model."""

from lakehouse.tables.schema import BUILD, Column, Table

_MODEL = Column("model_version", "bigint", "version of the model that wrote it", True, True)
_LEVEL = Column("level", "string", "product, sub_category or category", is_never_null=True)
_SUBJECT = Column("subject", "string", "pseudonym", is_never_null=True)

TABLES = (
    Table(
        name="gold.product_affinities",
        grain="one rule: who buys these things also buys that one",
        key=("level", "antecedent", "consequent"),
        columns=(
            _LEVEL,
            Column(
                "antecedent", "array<string>", "the things, in order of their names", False, True
            ),
            Column("consequent", "string", "what is bought with them", is_never_null=True),
            Column("support", "double", "share of the baskets with all of them"),
            Column(
                "confidence", "double", "of the baskets with the antecedent, the share with both"
            ),
            Column("lift", "double", "confidence ÷ share of the baskets with the consequent"),
            Column("leverage", "double", "support - what it would be by chance"),
            Column("conviction", "double", "how much rarer it fails than by chance; null: never"),
            Column("baskets", "bigint", "baskets of two items and more at the level"),
            Column("baskets_with_both", "bigint", "those with all of it"),
            Column("baskets_with_antecedent", "bigint", "those with the antecedent"),
            Column("baskets_with_consequent", "bigint", "those with the consequent"),
            Column("p_value", "double", "Fisher's exact test, one-sided"),
            Column(
                "q_value", "double", "after Benjamini and Hochberg, over the rules of the level"
            ),
            _MODEL,
            BUILD,
        ),
        upstream=("gold.baskets", "gold.products"),
    ),
    Table(
        name="gold.customer_segments",
        grain="one subject, as of the newest date of gold.customer_features",
        key=("subject",),
        columns=(
            _SUBJECT,
            Column("as_of_on", "date", "only what was paid before this UTC day counts"),
            Column(
                "segment", "string", "its name, the same from one training to the next", False, True
            ),
            Column("words", "string", "what is special about the segment"),
            Column("distance", "double", "to its centre, in standard deviations of the features"),
            Column("runner_up", "string", "the next nearest segment"),
            Column("runner_up_distance", "double", "to the centre of that"),
            _MODEL,
            BUILD,
        ),
        upstream=("gold.customer_features",),
        subjects=("subject",),
        consent="analytics",
    ),
    Table(
        name="gold.recommendations",
        grain="one thing to offer to one subject",
        key=("subject", "level", "task", "rank"),
        columns=(
            _SUBJECT,
            _LEVEL,
            Column("task", "string", "new: never bought; again: bought before", is_never_null=True),
            Column("rank", "bigint", "from 1, the best first", is_never_null=True),
            Column("item", "string", "a product or a sub-category, by the level", False, True),
            Column("score", "double", "of the method; scores of two methods do not compare"),
            Column("method", "string", "als, or the baseline that was better", is_never_null=True),
            Column("reason", "string", "why, as one can say it to the customer", False, True),
            _MODEL,
            BUILD,
        ),
        upstream=("gold.baskets", "gold.products"),
        subjects=("subject",),
        consent="personalisation",
    ),
)
