"""What a rule may say, and rows at every edge of it: of each type, each argument, each condition."""

import itertools
import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

META = {"severity": "quarantine", "sentence": "It is so.", "owner": "nobody"}
ONE, TWO, THREE = (datetime(2026, 3, 1, 9, minute, tzinfo=UTC) for minute in (1, 2, 3))
DAYS = tuple(date(2026, 3, day) for day in (1, 2, 3))
INF, NAN = float("inf"), float("nan")

EDGES = (
    "row int, n int, m int, big long, d double, f float, cents decimal(10,2), b boolean, "
    "t string, u string, day date, at timestamp, until timestamp, s struct<n: int>"
)
N = (0, -1, 1, 2, 3, 4, 5, 2**31 - 1, None)
BIG = (0, 2**53, 2**53 + 1, -(2**63), 2**63 - 1, None)
D = (NAN, INF, -INF, 0.0, -0.0, 0.1, 0.3, 2.0, 4.0, 4.000000000000001, None)
CENTS = (*map(Decimal, ("0.10", "0.20", "0.30", "2.00", "-1.00")), None)
TEXTS = (
    *("", " ", "ab", "AB", "abc", "b", "xyz", "a.b", "a'b", 'a"b', "a\\b", "ab\n", "\nab", "café"),
    *("cafe\u0301", "日本", "🛒", "ß", "null", "NaN", "5", "[1, 2]", '{"a": 1}', '{"a": 1,}'),
    *('{"a": 1} x', "2026-02-28", "2026-02-30", "2026-2-8", " 2026-02-28", "٢٠٢٦-02-28"),
    *("2026-03-01T09:02:00Z", None),
)


def edge_rows():
    """Every edge value of each column, beside others that change with it; and a row of nulls."""
    draw = random.Random(5)
    rows = [(None,) * 13]
    for text in TEXTS:
        for _ in range(6):
            at = draw.choice((ONE, TWO, THREE, TWO + timedelta(microseconds=1), None))
            until = draw.choice((at, at, ONE, THREE, None))
            number = draw.choice(N)
            cells = [number, draw.choice((number, *N)), *map(draw.choice, (BIG, D, D, CENTS))]
            cells += [draw.choice((True, False, None)), text, draw.choice((text, *TEXTS))]
            cells += [draw.choice((*DAYS, None)), at, until, draw.choice(((2,), (None,), None))]
            rows.append(tuple(cells))
    return [(at, *cells) for at, cells in enumerate(rows)]


def named(column):
    return {"name": column}


IS_AB = {"type": "comparison", "column": named("t"), "operator": "==", "parameter": "ab"}
HAS_N = {"type": "nullity", "column": named("n"), "is_null": False}
N_IS = [
    {"type": "comparison", "column": named("n"), "operator": sign, "parameter": 2}
    for sign in ("==", "!=", "<", "<=", ">", ">=")
]
IN_N = {"type": "comparison", "column": named("n"), "operator": "IN", "parameter": [0, 2, 4]}
NOT_IN_T = IS_AB | {"operator": "NOT_IN", "parameter": ["ab", "a'b", 'a"b', "a\\b", "日本"]}
OBJECTS = [
    *N_IS,
    *(IS_AB | {"parameter": text} for text in ("a'b", 'a"b', "a\\b", "日本", "🛒")),
    *(IS_AB | {"column": named("d"), "operator": sign, "parameter": 0.1} for sign in ("==", ">")),
    *(IS_AB | {"column": named("f"), "operator": sign, "parameter": 0.1} for sign in ("==", ">")),
    IS_AB | {"column": named("cents"), "parameter": 0.1},
    IS_AB | {"column": named("b"), "parameter": True},
    IS_AB | {"column": named("day"), "operator": ">", "parameter": "2026-03-01"},
    IS_AB | {"column": named("s.n"), "parameter": 2},
    HAS_N,
    HAS_N | {"is_null": True},
    IN_N,
    NOT_IN_T,
    {"type": "and", "conditions": [HAS_N, {"type": "and", "conditions": [NOT_IN_T, IN_N]}]},
    {"type": "or", "conditions": [IS_AB, {"type": "and", "conditions": [HAS_N, IN_N]}]},
    {"type": "pass_through", "pass_through_filter": "n > m OR t LIKE 'a%'"},
]
TEXTUAL = [
    ("n > m OR t = 'now'", "spark"),
    ("length(t) > 2 AND day = DATE '2026-03-01'", None),
    ('col("n") > 1', "great_expectations"),
    ('col("n") == -1', "great_expectations__experimental__"),
    ('col("d") <= 2.5e0', "great_expectations"),
    ('col("t") != "ab"', "great_expectations"),
    ("col(\"t\") == 'abc'", "great_expectations"),
    ('col("n").notnull()', "great_expectations"),
    ('col("day") >= date("2026-03-02")', "great_expectations"),
]

BETWEEN = "column_values_to_be_between"
LENGTHS = "column_value_lengths_to_be_between"
STRICT = {"strict_min": True, "strict_max": True}
ABOVE = "column_pair_values_a_to_be_greater_than_b"
PAIRS = [("n", "m"), ("t", "u"), ("at", "until"), ("d", "f"), ("n", "d"), ("cents", "n")]
MODES = [{}] + [
    {"ignore_row_if": mode}
    for mode in ("both_values_are_missing", "either_value_is_missing", "neither")
]
MODES_OF_SEVERAL = [{}] + [
    {"ignore_row_if": mode} for mode in ("all_values_are_missing", "any_value_is_missing", "never")
]


def expectations():
    """Each type with each of its arguments, on columns of each type that it can be asked of."""
    for column in (one.split(" ")[0] for one in EDGES.split(", ")[1:-1]):
        yield "column_values_to_be_null", {"column": column}
        yield "column_values_to_not_be_null", {"column": column}
    yield from of_bounds()
    yield from of_sets()
    yield from of_texts()
    yield from of_pairs()
    yield from of_several()


def of_bounds():
    strict = itertools.cycle([{}, STRICT, {"strict_min": True}, {"strict_max": True}])
    for column in ("n", "big", "d", "f", "cents", "s.n"):
        for least, most in ((2, 4), (0.1, 0.3), (None, 2), (0, None), (2**53, 2**53)):
            bounds = {"min_value": least, "max_value": most}
            given = {name: value for name, value in bounds.items() if value is not None}
            yield BETWEEN, {"column": column, **given, **next(strict)}
    for is_strict in STRICT, {"strict_min": True}, {"strict_max": True}:
        yield BETWEEN, {"column": "n", "min_value": 2, "max_value": 4, **is_strict}
    for column, is_strict in itertools.product(("day", "at"), ({}, STRICT)):
        yield BETWEEN, {"column": column, "min_value": "2026-03-02", **is_strict}
        yield BETWEEN, {"column": column, "max_value": "2026-03-01", **is_strict}
        instants = {"min_value": "2026-03-01T09:02:00Z", "max_value": "2026-03-01 10:03+01:00"}
        yield BETWEEN, {"column": column, **instants, **is_strict}
    for bounds in ({"min_value": 2, "max_value": 3}, {"min_value": 1}, {"max_value": 0}):
        for is_strict in ({}, STRICT):
            yield LENGTHS, {"column": "t", **bounds, **is_strict}
    for length in (0, 1, 2):
        yield "column_value_lengths_to_equal", {"column": "t", "value": length}


def of_sets():
    for set_of in ("be_in_set", "not_be_in_set"):
        for column, values in (
            *(("n", [0, 2]), ("n", [2.0, 2.5]), ("big", [2**53 + 1]), ("d", [0, 0.1])),
            *(("cents", [0.1, 2]), ("b", [True]), ("t", ["ab", "", "a'b", "日本"])),
            *(("day", ["2026-03-01"]), ("at", ["2026-03-01T09:02:00Z"])),
        ):
            yield f"column_values_to_{set_of}", {"column": column, "value_set": values}


def of_texts():
    for regex in ("^ab$", "b", "^[a-c]+$", "(?i)^AB", r"\d{4}-\d\d", r"^\p{L}+$", "^$", "é", r"\\"):
        yield "column_values_to_match_regex", {"column": "t", "regex": regex}
        yield "column_values_to_not_match_regex", {"column": "t", "regex": regex}
    for regexes in (["^ab$"], ["^a", "b$"], ["(?i)^AB$", "XYZ"], ["^a|b", "c"]):
        given = {"column": "t", "regex_list": regexes}
        for match_on in ({}, {"match_on": "any"}, {"match_on": "all"}):
            yield "column_values_to_match_regex_list", given | match_on
        yield "column_values_to_not_match_regex_list", given
    yield "column_values_to_be_json_parseable", {"column": "t"}
    for form in ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"):
        yield "column_values_to_match_strftime_format", {"column": "t", "strftime_format": form}


def of_pairs():
    for ignored in MODES:
        for a, b in PAIRS if not ignored else PAIRS[:2]:
            pair = {"column_A": a, "column_B": b, **ignored}
            yield "column_pair_values_to_be_equal", pair
            yield ABOVE, pair
            yield ABOVE, pair | {"or_equal": True}
        given = {"column_A": "n", "column_B": "t", "value_pairs_set": [[None, "ab"], [0, None]]}
        yield "column_pair_values_to_be_in_set", given | ignored
    given = {"column_A": "n", "column_B": "t", "value_pairs_set": [[1, "ab"], [2, "abc"]]}
    yield "column_pair_values_to_be_in_set", given


def of_several():
    for names, total in (
        *(
            (["n", "m", "d"], 2.1),
            (["cents", "n"], 2.1),
            (["d", "f"], 0.2),
            (["n", "m"], 2**32 - 2),
        ),
        *((["big", "n"], 2**63), (["big", "n", "m"], -(2**63))),
    ):
        yield "multicolumn_sum_to_equal", {"column_list": names, "sum_total": total}
    for names in (["t", "u"], ["n", "m", "d"]):
        yield "multicolumn_values_to_be_equal", {"column_list": names}
        yield "select_column_values_to_be_unique_within_record", {"column_list": names}
    for ignored in MODES_OF_SEVERAL:
        given = {"column_list": ["n", "m"], **ignored}
        yield "multicolumn_sum_to_equal", given | {"sum_total": 4}
        yield "multicolumn_values_to_be_equal", given
        yield "select_column_values_to_be_unique_within_record", given


def with_conditions():
    for number, condition in enumerate(OBJECTS):
        kind = ("column_values_to_be_null", "column_values_to_not_be_null")[number % 2]
        yield kind, {"column": "m", "row_condition": condition}
    for text, parser in TEXTUAL:
        given = {"column": "m", "row_condition": text, "condition_parser": parser}
        yield "column_values_to_be_null", {k: v for k, v in given.items() if v is not None}
    yield "column_pair_values_to_be_equal", {
        "column_A": "n", "column_B": "m", "ignore_row_if": "neither", "row_condition": IS_AB
    }  # fmt: skip
    yield "multicolumn_sum_to_equal", {
        "column_list": ["n", "m"], "sum_total": 4, "row_condition": HAS_N | {"is_null": True}
    }  # fmt: skip


def as_rules(kinds_and_kwargs):
    return [
        {"type": f"expect_{kind}", "kwargs": kwargs, "meta": META | {"id": f"{number}"}}
        for number, (kind, kwargs) in enumerate(kinds_and_kwargs)
    ]
