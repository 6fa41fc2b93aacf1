"""Persons: what must not enter the lake, and the pseudonym that stands for a subject."""

from dataclasses import dataclass, field

from pyspark.sql import Column
from pyspark.sql import functions as F

from lakehouse.feeds import FORBIDDEN_KEYS

_BLOCK = 64  # bytes; SHA-256's block, to which HMAC pads its key (RFC 2104)
_DIGITS = 32  # hex digits kept, 128 bits: half of the output, the least RFC 2104 section 5 allows

_FORBIDDEN_KEY = r'(?i)"(' + "|".join(FORBIDDEN_KEYS) + r')"\s*:'
_E_MAIL = r"[A-Za-z0-9._%+-]@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}"
# International (E.164: + and 8 to 15 digits, grouped or not) or North American with separators; a
# bare run of digits is a product or basket number.
_TELEPHONE = r"\+\d(?:[ ().-]?\d){7,14}|(?<!\d)(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4}(?!\d)"
# What stands in each telephone number without a + and in few other texts: it is found much faster.
_TELEPHONE_HINT = r"[-. ]\d{3}[-. ]\d{4}"
# Three words in one text: no code, unit or enumeration has that.
_FREE_TEXT = r'"[^"\s]+\s+[^"\s]+\s+[^"\s]+[^"]*"'


@dataclass(frozen=True)
class Key:
    """A pseudonym key: its number stands in each pseudonym, so that keys can be changed."""

    number: int
    secret: bytes = field(repr=False)


def pseudonym(subject: str, key: Key) -> Column:
    """`p<key number>_<32 hex digits>` of the text column `subject`; null stays null.

    Source  HMAC-SHA256 by RFC 2104, out of Spark's own functions: twice as fast as a UDF. The
            padded keys stand in the plan as literals; session.py redacts them there.
    """
    padded = key.secret.ljust(_BLOCK, b"\0")
    inner = F.lit(bytes(byte ^ 0x36 for byte in padded))
    outer = F.lit(bytes(byte ^ 0x5C for byte in padded))
    inside = F.unhex(F.sha2(F.concat(inner, F.encode(F.col(subject), "utf-8")), 256))
    digest = F.sha2(F.concat(outer, inside), 256)
    return F.concat(F.lit(f"p{key.number}_"), F.substring(digest, 1, _DIGITS))


def holds(text: str, subject: str) -> Column:
    """Whether the column `text` holds the subject: anywhere, a short one (under 6) only quoted."""
    quoted = F.concat(F.lit('"'), F.col(subject), F.lit('"'))
    long = F.length(subject) >= 6
    found = (long & F.contains(F.col(text), F.col(subject))) | F.contains(F.col(text), quoted)
    return F.coalesce(found | (F.col(text) == F.col(subject)), F.lit(False))


def faults(payload: str, subject: str, is_machine: Column) -> dict[str, Column]:
    """What makes a payload unfit for the lake: name of the fault and its condition."""
    text = F.col(payload)
    may_call = F.contains(text, F.lit("+")) | text.rlike(_TELEPHONE_HINT)
    return {
        "forbidden_key": text.rlike(_FORBIDDEN_KEY),
        "subject_in_payload": holds(payload, subject),
        "e_mail_in_payload": F.contains(text, F.lit("@")) & text.rlike(_E_MAIL),
        "telephone_in_payload": may_call & text.rlike(_TELEPHONE),
        # The parser has left blanks in texts only.
        "free_text": is_machine & F.contains(text, F.lit(" ")) & text.rlike(_FREE_TEXT),
    }
