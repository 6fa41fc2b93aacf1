"""Every fault that a person can cure: one class a fault, one sentence a message.

A message names the thing, the value found, the values allowed, and what to do. Bad data is never
an error (it is a value, and goes to quarantine); these are for settings, machines and misuse.
"""

from collections.abc import Iterable


class LakehouseError(Exception):
    """The root of the tree; the command line prints its sentence and exits 1."""


class BadSetting(LakehouseError):
    """A settings file that cannot be used: unknown key, wrong value, missing file."""


class MissingKey(LakehouseError):
    """A secret that is neither in the environment nor in the keys file."""


class BadMachine(LakehouseError):
    """The machine lacks something: a JDK, disk space, a free port, the jars."""


class ServerFault(LakehouseError):
    """The S3 server did not start, does not answer, or refuses our keys."""


class UnknownName(LakehouseError):
    """A table, feed, shop or batch that is not there."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        super().__init__(f"no {kind} called '{name}'; there are {', '.join(known) or 'none'}")


class ChangedColumn(LakehouseError):
    """A declared column whose type differs from the table's."""


class BadRule(LakehouseError):
    """A rule that cannot be judged as it stands: unknown, with a wrong argument, or for other rows."""


class BadCorrection(LakehouseError):
    """A repair of quarantined messages that cannot be declared: unknown field, nobody meant."""


class BadQuery(LakehouseError):
    """A query that `lakehouse sql` cannot answer: unknown table, broken SQL, or more than a look."""


class NothingThere(LakehouseError):
    """A lakehouse without the tables that are asked for; says what makes them."""


class LedgerMismatch(LakehouseError):
    """The counts of a batch do not add up; nothing of it was committed."""


class GateFailed(LakehouseError):
    """Versions of tables did not pass the gate, a sentence each; what stands on them stays as it is."""

    def __init__(self, *sentences: str) -> None:
        super().__init__("; ".join(sentences))
        self.sentences = sentences


class Behind(LakehouseError):
    """Tables that are behind for longer than asked, a sentence each."""

    def __init__(self, *sentences: str) -> None:
        super().__init__("; ".join(sentences))


class BatchFailed(LakehouseError):
    """A stage stopped in the middle of a batch; running it again goes on from there."""


class BadTraining(LakehouseError):
    """A model that cannot be trained or scored as asked: too little to learn from, a leak, a flood."""


class BrokenPromise(LakehouseError):
    """`lakehouse verify` found a promise that the data does not keep."""
