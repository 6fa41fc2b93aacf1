"""What the models say, never of whom: no subject is in an answer or in the rows behind it."""

from lakehouse.pictures.schema import Page, Picture

AFFINITIES = Picture(
    name="affinities",
    title="What sells together",
    says="Rules of product_affinities with the highest lift: how many times as often the last "
    "thing is in a basket with the first ones as in any basket.",
    tables=("gold.product_affinities",),
    sql="""
SELECT array_to_string(antecedent, ' + ') || ' → ' || consequent AS rule, lift, level, support,
  confidence, baskets_with_both, q_value
FROM gold.product_affinities
ORDER BY lift DESC, rule
LIMIT 15""",
    rows="""
SELECT array_to_string(antecedent, ' + ') || ' → ' || consequent AS rule, level, support, confidence,
  lift, leverage, conviction, baskets, baskets_with_both, p_value, q_value, model_version
FROM gold.product_affinities
ORDER BY lift DESC, rule""",
    draws="bars",
    across="rule",
    up="lift",
    unit="lift",
    colour="level",
    keys=("rule", "level"),
)

# What each customer's features say, beside the segment they are in.
_PROFILE = """\
FROM gold.customer_segments
JOIN gold.customer_features USING (subject, as_of_on)
WHERE {chosen}"""

SEGMENTS = Picture(
    name="segments",
    title="Customers by segment",
    says="How many customers each segment has, and what is special about it.",
    tables=("gold.customer_segments",),
    sql="""
SELECT segment, count(*) AS customers, any_value(words) AS words
FROM gold.customer_segments
WHERE {chosen}
GROUP BY segment
ORDER BY customers DESC, segment""",
    rows="""
SELECT segment, as_of_on, words, distance, runner_up, runner_up_distance, model_version
FROM gold.customer_segments
WHERE {chosen}
ORDER BY segment, distance""",
    draws="bars",
    across="segment",
    up="customers",
    unit="customers",
    keys=("segment",),
    by={"segment": "segment"},
)

PROFILES = Picture(
    name="profiles",
    title="What a customer of a segment has spent",
    says="Net revenue so far, the mean of the segment's customers; with it how many receipts and how "
    "many days since the last.",
    tables=("gold.customer_segments", "gold.customer_features"),
    sql=f"""
SELECT segment, round(avg(net_revenue_cents) / 100, 2) AS net_revenue,
  round(avg(baskets), 2) AS baskets, round(avg(recency_d), 1) AS recency_d, count(*) AS customers
{_PROFILE}
GROUP BY segment
ORDER BY net_revenue DESC, segment""",
    rows=f"""
SELECT segment, as_of_on, recency_d, baskets, items, net_revenue_cents, discount_cents,
  discounted_items, weekend_items, evening_items, first_bought_on
{_PROFILE}
ORDER BY segment, net_revenue_cents DESC""",
    draws="bars",
    across="segment",
    up="net_revenue",
    unit="a customer, in the currency",
    keys=("segment",),
    by={"segment": "segment"},
)

# A customer who has a recommendation may have no segment.
_OFFERS = """\
FROM gold.recommendations AS offer
LEFT JOIN gold.customer_segments AS one ON one.subject = offer.subject
WHERE {chosen}"""

OFFERS = Picture(
    name="offers",
    title="What is offered first",
    says="The things that most customers would be offered first: new to them, or again.",
    tables=("gold.recommendations", "gold.customer_segments"),
    sql=f"""
SELECT item, task, count(*) AS customers, string_agg(DISTINCT method, ', ' ORDER BY method) AS methods
{_OFFERS} AND rank = 1
GROUP BY item, task
ORDER BY customers DESC, item, task
LIMIT 15""",
    rows=f"""
SELECT item, task, rank, level, score, method, reason, one.segment, offer.model_version
{_OFFERS} AND rank = 1
ORDER BY item, task, score DESC""",
    draws="bars",
    across="item",
    up="customers",
    unit="customers",
    colour="task",
    keys=("item", "task"),
    by={"segment": "one.segment"},
    is_stacked=True,
)

_TRAININGS = """
SELECT model, decided_at, model_version, action, is_promoted, metric, method, worth, reasons
FROM (
  SELECT *, split_part(figure.key, '.', 1) AS metric, split_part(figure.key, '.', 2) AS method,
    round(figure.value, 4) AS worth
  FROM (SELECT *, unnest(map_entries(figures)) AS figure FROM ops.promotions)
)
WHERE action = 'train' AND method <> '' AND method NOT LIKE 'over %'"""

WORTH = Picture(
    name="worth",
    title="Models beside what is simple",
    says="The newest training of each model: what it reached on the weeks after, beside the "
    "baselines and the champion of then. Higher is better.",
    tables=("ops.promotions",),
    sql=f"""
SELECT model || ', ' || metric AS what, method, worth, model, metric, is_promoted, decided_at
FROM ({_TRAININGS})
QUALIFY decided_at = max(decided_at) OVER (PARTITION BY model)
ORDER BY what, method""",
    rows=f"{_TRAININGS}\nORDER BY decided_at DESC, model, metric, method",
    draws="bars",
    across="what",
    up="worth",
    unit="of the metric",
    colour="method",
    keys=("model", "metric", "method"),
)

PAGE = Page(
    "models",
    "Models",
    "What is bought together, what kinds of customers there are, what to offer, and how good that is.",
    (AFFINITIES, SEGMENTS, PROFILES, OFFERS, WORTH),
)
