"""Each stage once: locked, what a crash left taken out, then all there is to do."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pyspark.errors import StreamingQueryException

from lakehouse.errors import BatchFailed, LakehouseError
from lakehouse.flow import build, ingest, lines, refine
from lakehouse.flow.place import Place

# What Spark says of offsets that it cannot read, or that are not of this query.
_OF_CHECKPOINT = re.compile(
    r"in the checkpoint offsets|Failed to read log file|perform planPartitions"
)

STAGES: dict[str, Callable[[Place], object]] = {
    ingest.STAGE: ingest.everything,
    refine.STAGE: refine.everything,
    build.STAGE: build.everything,
}


def run(place: Place, stage: str, work: Callable[[Place], object] | None = None) -> None:
    """Run one stage until nothing is left to do, or a part of its work.

    Raises BatchFailed where a batch stops in the middle, or another process runs the stage.
    """
    with place.alone(stage), in_one_sentence(place, stage):
        recover(place, stage)
        (work or STAGES[stage])(place)


def recover(place: Place, stage: str) -> None:
    """Bring to an end, or take out, what a process that was cut off has left."""
    place.recover(stage)
    if stage == ingest.STAGE:
        lines.finish(place)


@contextmanager
def in_one_sentence(place: Place, stage: str) -> Iterator[None]:
    """Turn whatever stops a stage into BatchFailed; a fault with a sentence of its own stays."""
    try:
        yield
    except LakehouseError:
        raise
    except Exception as fault:
        raise died(stage, place.faults.get(stage, fault)) from fault


def died(stage: str, cause: Exception) -> LakehouseError:
    """What is said of a stage that was stopped by `cause`."""
    if isinstance(cause, LakehouseError):
        return cause
    if isinstance(cause, StreamingQueryException) and _OF_CHECKPOINT.search(str(cause)):
        return BatchFailed(
            f"{stage} cannot go on from its checkpoint, which another version of the project or of "
            f"Spark has written ({_reason(cause)}); `lakehouse {stage} --new-checkpoint` begins "
            "one: what was taken in is in the ledger, nothing is lost or doubled"
        )
    return BatchFailed(
        f"{stage} stopped in the middle of a batch: {_first_line(cause)}; nothing is lost, "
        f"`lakehouse {stage}` goes on from there"
    )


def _reason(cause: StreamingQueryException) -> str:
    said = str(cause).partition("terminated with exception: ")[2].partition("\n")[0]
    return said.partition(" SQLSTATE")[0].partition(": Traceback")[0]


def _first_line(cause: Exception) -> str:
    # The first line of a Py4JJavaError itself only says which call it was.
    text = str(getattr(cause, "java_exception", cause))
    return text.strip().partition("\n")[0] or type(cause).__name__
