"""Whether a version of a model becomes the champion: every reason against it, with its numbers."""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lakehouse.models.catalog import MODEL, Judged, Metric, Model

WAITS = "nothing speaks against it: it waits for a person's word (`lakehouse promote`)"
_LEAST = 20  # units that a metric is judged on
_DRAWS, _AT_ONCE = 2000, 100
_SURE = 0.95  # of the interval that a difference must lie above 0 with


@dataclass(frozen=True)
class Evidence:
    """What is known of a version when it is decided on.

    judged, champion    both on the same rows after the split; champion is None where there is none
    judged_on           table -> version that the version was judged on
    read                table -> version now
    not_passed          tables learnt from that have not passed the gate
    is_same_reloaded    whether it says the same once it was stored and read back
    rows, twice         rows that scoring gives, and keys that stand in them more than once
    unnamed             parts of its card that are empty
    changed             share of what the champion serves that would change; None without one
    seconds             that scoring took
    """

    judged: Judged
    champion: Judged | None
    judged_on: dict[str, int]
    read: dict[str, int]
    not_passed: tuple[str, ...]
    is_same_reloaded: bool
    rows: int
    twice: int
    unnamed: tuple[str, ...]
    changed: float | None
    seconds: float


@dataclass(frozen=True)
class Decision:
    """reasons: why not, a sentence each; none: it is promoted."""

    reasons: tuple[str, ...]
    figures: dict[str, float] = field(default_factory=dict)

    @property
    def is_promoted(self) -> bool:
        """Whether it becomes the champion."""
        return not self.reasons

    @property
    def waits(self) -> bool:
        """Whether it only waits for a person's word."""
        return self.reasons == (WAITS,)


def decide(model: Model, evidence: Evidence, seed: int, *, is_held: bool = False) -> Decision:
    """Weigh a version; it is promoted where nothing speaks against it, or then waits for a word."""
    figures: dict[str, float] = {}
    reasons = [*_form(model, evidence)]
    for metric in model.metrics:
        reasons += _worth(metric, evidence, seed, figures)
    figures |= {f"{name}": value for name, value in evidence.judged.others.items()}
    figures["scoring_s"] = evidence.seconds
    if evidence.changed is not None:
        figures["changed_share"] = evidence.changed
    return Decision(tuple(reasons or ([WAITS] if is_held else [])), figures)


def _form(model: Model, evidence: Evidence) -> list[str]:
    """Reasons that are no matter of how good it is."""
    reasons = [f"{name} has not passed the gate" for name in evidence.not_passed]
    for name, version in evidence.judged_on.items():
        if evidence.read.get(name) != version:
            reasons.append(
                f"it was judged on version {version} of {name}, not on {evidence.read.get(name)}"
            )
    if not evidence.is_same_reloaded:
        reasons.append("read back from where it is kept, it does not say the same")
    if not evidence.rows:
        reasons.append("scoring gives no row")
    if evidence.twice:
        reasons.append(f"scoring gives {evidence.twice:,} keys of {model.output} more than once")
    if evidence.unnamed:
        reasons.append(f"its card does not say {', '.join(evidence.unnamed)}")
    if evidence.seconds > model.most_seconds:
        reasons.append(
            f"scoring takes {evidence.seconds:.1f} s, more than {model.most_seconds:g} s"
        )
    if evidence.changed is not None and evidence.changed > model.most_changed:
        reasons.append(
            f"{evidence.changed:.0%} of what is served would change, more than "
            f"{model.most_changed:.0%}; `lakehouse promote` overrules that"
        )
    return reasons


def _worth(metric: Metric, evidence: Evidence, seed: int, figures: dict[str, float]) -> list[str]:
    """Reasons because it is not better than what there is; fills the figures."""
    scores = evidence.judged.scores.get(metric.name)
    if scores is None or scores.empty:
        return [f"{metric.name}: there is nothing to judge it on"]
    mine = scores[MODEL].to_numpy(float)
    for name in scores.columns:
        figures[f"{metric.name}.{name}"] = float(scores[name].mean())
    if not math.isfinite(float(mine.sum())):
        return [f"{metric.name} is not a number"]
    if len(mine) < _LEAST:
        return [f"{metric.name}: {len(mine)} to judge it on are too few; {_LEAST} are wanted"]
    reasons = []
    served = evidence.judged.serves.get(metric.name, MODEL)
    rivals = {name: scores[name].to_numpy(float) for name in metric.baselines if name != served}
    if evidence.champion is not None:
        theirs = evidence.champion.scores[metric.name][MODEL].reindex(scores.index).fillna(0.0)
        rivals["the champion"] = theirs.to_numpy(float)
        figures[f"{metric.name}.champion"] = float(theirs.mean())
    for name, scored in rivals.items():
        low, high = interval(mine - scored, seed)
        figures[f"{metric.name}.over {name}, low"] = low
        figures[f"{metric.name}.over {name}, high"] = high
        if not low > 0:  # nor where it is no number
            reasons.append(
                f"{metric.name}: {mine.mean():.4f} beside {scored.mean():.4f} of {name}; the "
                f"difference is {low:+.4f} to {high:+.4f} ({_SURE:.0%})"
            )
    return reasons


def interval(differences: NDArray[np.float64], seed: int) -> tuple[float, float]:
    """The interval of the mean of differences, by a bootstrap over units.

    Source  Efron and Tibshirani (1993), percentile method
    """
    chance = np.random.default_rng(seed)
    units = len(differences)
    even = np.full(units, 1 / units)
    means = np.concatenate(
        [
            chance.multinomial(units, even, size=_AT_ONCE) @ differences / units
            for _ in range(_DRAWS // _AT_ONCE)
        ]
    )
    low, high = np.quantile(means, [(1 - _SURE) / 2, (1 + _SURE) / 2])
    return float(low), float(high)
