"""Persons: a pseudonym is what Python's hmac makes of the subject, whatever key and text."""

import hmac
import re

import pytest

from lakehouse import tables
from lakehouse.bronze import persons

SUBJECTS = ["1", "card-8714", "Zoë 東京", "x" * 200, ""]


@pytest.mark.parametrize("length", [1, 32, 63, 64])
def test_a_pseudonym_is_half_of_an_hmac_and_says_its_key(spark, length):
    key = persons.Key(12, bytes(range(7, 7 + length)))
    frame = spark.createDataFrame([(subject,) for subject in SUBJECTS], "subject string")
    found = dict(frame.select("subject", persons.pseudonym("subject", key)).collect())
    assert found == {
        subject: f"p12_{hmac.new(key.secret, subject.encode(), 'sha256').hexdigest()[:32]}"
        for subject in SUBJECTS
    }


def test_no_subject_has_no_pseudonym(spark):
    frame = spark.createDataFrame([(None,)], "subject string")
    assert frame.select(persons.pseudonym("subject", persons.Key(1, b"k"))).first()[0] is None


def test_a_pseudonym_is_as_the_table_demands(spark):
    check = next(c.check for c in tables.by_name("bronze.events").columns if c.name == "subject")
    frame = spark.createDataFrame([("card-8714",)], "subject string")
    made = frame.select(persons.pseudonym("subject", persons.Key(1, b"k")).alias("subject"))
    assert made.where(check).count() == 1


def test_a_key_does_not_print_its_secret():
    assert not re.search("secret|hush", repr(persons.Key(1, b"hush")))
