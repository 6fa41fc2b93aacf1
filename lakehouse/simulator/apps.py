"""app_events: what people do in the app."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from lakehouse.settings import Faults
from lakehouse.simulator import draws, phones, text
from lakehouse.simulator.walks import Walks

Text = str | npt.NDArray[np.object_]

# How much is done before they come and at the shelves, and how often an offer that is shown is
# used, by its variant: the true effect of the offer (assumed).
LISTED, SCANNED, VIEWED, OFFERED = 3.0, 0.25, 0.35, 2.0
USED = {"A": 0.10, "B": 0.16}
CONSENT_SHARE = 0.01
TUNNEL_S = (60, 1500)
OFFLINE = np.timedelta64(24, "h")


def build(walks: Walks, rates: Faults, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What people did in the app.

    Gives   messages of the feed app_events; the offers: offer_id, variant, use_rate (true)
    """
    chance = draws.stream(seed, "app events")
    offers = [f"offer-{number}" for number in range(1, 21)]
    did = pd.concat(
        [
            _listed(walks, chance),
            _at_shelves(walks, chance),
            _offers(walks, offers, chance),
            _consents(walks, chance),
        ],
        ignore_index=True,
    ).sort_values(["at", "visit", "kind"], kind="stable", ignore_index=True)
    count = len(did)
    draw = chance.random(count)
    is_tunnel = draw < rates.tunnel
    is_offline = ~is_tunnel & (draw < rates.tunnel + rates.offline_phone)
    wait = (chance.integers(*TUNNEL_S, count) * is_tunnel).astype("timedelta64[s]")
    queued_at = did["at"] + wait + is_offline * OFFLINE
    payload = {
        "kind": text.quoted_ids(did["kind"]),
        "product_id": text.quoted_ids(did["product_id"]),
        "offer_id": text.quoted_ids(did["offer_id"]),
        "variant": text.quoted_ids(did["variant"]),
    }
    fault = np.where(is_tunnel, "tunnel", "offline_phone")
    sent = phones.sent(
        "app_events", walks,
        did, payload, seed,
        queued_at=queued_at,
        fault=text.only(fault, is_tunnel | is_offline),
        true_value=text.only(text.labels_of(text.instants(did["at"])), is_tunnel | is_offline),
    )  # fmt: skip
    truth = pd.DataFrame(
        [(offer, variant, rate) for offer in offers for variant, rate in USED.items()],
        columns=["offer_id", "variant", "use_rate"],
    )
    return sent, truth


def _did(
    kind: Text, visit: npt.ArrayLike, at: npt.ArrayLike, **fields: npt.NDArray[np.object_]
) -> pd.DataFrame:
    """visit, at, kind, product_id (text), offer_id, variant; a field that is not given is null."""
    visits = np.asarray(visit, dtype=np.int64)
    none = np.full(len(visits), None, dtype=object)
    columns = {"visit": visits, "at": np.asarray(at).astype("datetime64[ms]"), "kind": kind}
    return pd.DataFrame(
        columns | {name: fields.get(name, none) for name in ("product_id", "offer_id", "variant")}
    )


def _listed(walks: Walks, chance: np.random.Generator) -> pd.DataFrame:
    """Some of what is bought was on the list, put there in the two days before."""
    picks = _of_app(walks)
    mine = picks[chance.random(len(picks)) < LISTED / 10]
    before = (chance.uniform(600, 172_800, len(mine)) * 1000).astype("timedelta64[ms]")
    entered_at = walks.visits["entered_at"].to_numpy()[mine["visit"]]
    return _did("list_add", mine["visit"], entered_at - before, product_id=_ids(mine))


def _at_shelves(walks: Walks, chance: np.random.Generator) -> pd.DataFrame:
    picks = _of_app(walks)
    draw = chance.random(len(picks))
    parts = []
    for kind, low, high in (("scan", 0.0, SCANNED), ("view", SCANNED, SCANNED + VIEWED)):
        mine = picks[(draw >= low) & (draw < high)]
        parts.append(_did(kind, mine["visit"], mine["picked_at"], product_id=_ids(mine)))
    return pd.concat(parts, ignore_index=True)


def _ids(picks: pd.DataFrame) -> npt.NDArray[np.object_]:
    return text.labels_of(text.strings(picks["product_id"]))


def _of_app(walks: Walks) -> pd.DataFrame:
    return walks.picks[walks.visits["has_app"].to_numpy(dtype=bool)[walks.picks["visit"]]]


def _offers(walks: Walks, offers: list[str], chance: np.random.Generator) -> pd.DataFrame:
    """Each is shown some offers when they come in; the variant is drawn, its effect is USED."""
    visits = np.flatnonzero(walks.visits["has_app"].to_numpy(dtype=bool))
    visit = np.repeat(visits, chance.poisson(OFFERED, len(visits)))
    offer = np.array(offers, dtype=object)[chance.integers(0, len(offers), len(visit))]
    variant = chance.choice(np.array(list(USED), dtype=object), len(visit))
    entered_at, left_at = (
        walks.visits[name].to_numpy()[visit] for name in ("entered_at", "left_at")
    )
    shown_at = entered_at + (chance.uniform(5, 120, len(visit)) * 1000).astype("timedelta64[ms]")
    is_used = chance.random(len(visit)) < np.array([USED[name] for name in variant.tolist()])
    return pd.concat(
        [
            _did("offer_shown", visit, shown_at, offer_id=offer, variant=variant),
            _did(
                "offer_used",
                visit[is_used],
                left_at[is_used],
                offer_id=offer[is_used],
                variant=variant[is_used],
            ),
        ],
        ignore_index=True,
    )


def _consents(walks: Walks, chance: np.random.Generator) -> pd.DataFrame:
    visits = np.flatnonzero(walks.visits["has_app"].to_numpy(dtype=bool))
    visit = visits[chance.random(len(visits)) < CONSENT_SHARE]
    kind = chance.choice(np.array(["consent_given", "consent_withdrawn"], dtype=object), len(visit))
    return _did(kind, visit, walks.visits["entered_at"].to_numpy()[visit])
