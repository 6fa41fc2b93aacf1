"""Consent at an instant: what the CRM lists, unless the app's last word was that it is withdrawn."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from chispa import assert_df_equality

from lakehouse import consent

EIGHT, NINE, TEN, NOON = (datetime(2026, 3, 1, hour, tzinfo=UTC) for hour in (8, 9, 10, 12))
A_SECOND = timedelta(seconds=1)
GIVEN, WITHDRAWN = "consent_given", "consent_withdrawn"
BOTH = ["analytics", "marketing"]


@pytest.fixture(scope="module")
def customers(frame):
    """p1 and p2 agree to two purposes from 8 on, p1 to one from noon on; p3 agrees to none."""
    return frame(
        "silver.customers",
        {"subject": "p1", "consents": BOTH, "valid_from": EIGHT, "valid_to": NOON},
        {"subject": "p1", "consents": ["analytics"], "valid_from": NOON},
        {"subject": "p2", "consents": BOTH, "valid_from": EIGHT},
        {"subject": "p3", "consents": [], "valid_from": EIGHT},
    )


@pytest.fixture
def consents(spark, frame, customers):
    """(subject, instant) -> the purposes in force, given what was said in the app."""

    def of(asked, *said):
        events = frame(
            "silver.app_events",
            *(
                {"subject": subject, "kind": kind, "happened_at": at, "event_id": f"e{number}"}
                for number, (subject, kind, at) in enumerate(said)
            ),
        )
        rows = spark.createDataFrame(asked, "subject string, at timestamp")
        found = consent.in_force(rows, customers, events, at="at")
        assert found.columns == ["subject", "at", "consents"]
        return [row.consents for row in found.orderBy("subject", "at").collect()]

    return of


def test_without_a_word_in_the_app_what_the_crm_lists_is_in_force(consents):
    asked = [("p1", EIGHT - A_SECOND), ("p1", EIGHT), ("p1", NOON), ("p3", TEN), ("p9", TEN)]
    assert consents(asked) == [[], BOTH, ["analytics"], [], []]


def test_a_withdrawal_counts_from_its_instant_until_consent_is_given_again(consents):
    asked = [("p1", at) for at in (NINE - A_SECOND, NINE, TEN - A_SECOND, TEN)]
    said = [("p1", WITHDRAWN, NINE), ("p1", GIVEN, TEN)]
    assert consents(asked, *said) == [BOTH, [], [], BOTH]
    assert consents([("p2", NINE)], *said) == [BOTH]


def test_the_order_of_arrival_is_of_no_account(consents):
    said = [("p1", WITHDRAWN, EIGHT), ("p1", GIVEN, NINE), ("p1", WITHDRAWN, TEN)]
    asked = [("p1", at) for at in (EIGHT, NINE, TEN)]
    assert [consents(asked, *order) for order in permutations(said)] == [[[], BOTH, []]] * 6


def test_a_later_word_of_the_crm_does_not_undo_a_withdrawal(consents):
    assert consents([("p1", NOON)], ("p1", WITHDRAWN, NINE)) == [[]]


def test_the_app_cannot_give_what_the_crm_does_not_list(consents):
    assert consents([("p3", TEN), ("p9", TEN)], ("p3", GIVEN, NINE), ("p9", GIVEN, NINE)) == [
        [],
        [],
    ]


def test_of_two_words_at_one_instant_the_withdrawal_counts(consents):
    said = [("p1", WITHDRAWN, NINE), ("p1", GIVEN, NINE)]
    assert consents([("p1", NINE)], *said) == consents([("p1", NINE)], *reversed(said)) == [[]]


def test_what_is_no_word_on_consent_is_no_switch(spark, frame):
    did = {"subject": "p1", "kind": "scan", "happened_at": NINE}
    events = frame("silver.app_events", did, did | {"kind": WITHDRAWN, "happened_at": TEN})
    ddl = "subject string, is_withdrawn boolean, valid_from timestamp, valid_to timestamp"
    expected = spark.createDataFrame([("p1", True, TEN, None)], ddl)
    assert_df_equality(consent.switched(events), expected, ignore_nullable=True)
