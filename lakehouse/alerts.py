"""The door to whoever must hear of it: a log line, and a message to a webhook of one's own.

The message is JSON, signed: the header X-Lakehouse-Signature is `sha256=` and the HMAC-SHA256 of the
body in hex, under the secret of LAKEHOUSE_ALERT_SECRET. X-Lakehouse-Alert names the alert: whoever
gets one twice, because an answer was lost, knows it by that.

What was sent is remembered in the bucket of ops, so that any process of the lakehouse knows it.
"""

import hashlib
import hmac
import json
import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import requests
import tenacity
from botocore.exceptions import ClientError

from lakehouse import keys, s3
from lakehouse.settings import Alerts, Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SIGNATURE, NAME = "X-Lakehouse-Signature", "X-Lakehouse-Alert"
MEMORY = "_alerts/told.json"

_AWAY = (429, 500, 502, 503, 504)
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 5.0
log = logging.getLogger("lakehouse.alerts")


@dataclass(frozen=True)
class Alert:
    """One thing that somebody must hear of.

    kind      gate_failed, quarantine_share, silent_feed, device_fault or task_failed
    of        what it is about, besides the table: a rule or a device
    sentence  what does not hold, for a person
    command   what shows the rows or says more
    """

    kind: str
    table: str
    version: int
    of: str
    sentence: str
    command: str

    @property
    def name(self) -> str:
        """What makes it the same alert as before."""
        return f"{self.kind}/{self.table}/{self.of}"


class _Refused(Exception):
    """The webhook answered with a status that trying again does not change."""


class Bell:
    """Tells of alerts, each once in `repeat_hours`, and outside of the silent hours."""

    def __init__(self, settings: Settings, storage: "S3Client") -> None:
        """Take the settings and a client of the storage for what was told already."""
        self.where: Alerts = settings.alerts
        self.storage = storage
        self.bucket = settings.buckets.ops

    def ring(self, alerts: Iterable[Alert], now: datetime) -> list[str]:
        """Tell of what is true now and was not told lately; the names of what was sent.

        What cannot be sent, as it is a silent hour or the webhook does not answer, is sent by a
        later call at which it is still true. No fault of the webhook is raised.
        """
        alerts = list(alerts)
        if not alerts:
            return []
        told = self._told(now)
        before = json.dumps(told)
        sent = []
        is_down = False
        for alert in alerts:
            if alert.name not in told:
                log.warning("%s", alert.sentence)
            known = told.setdefault(alert.name, {"at": now.isoformat(), "is_sent": False})
            if known["is_sent"] or is_down or self.is_silent(now):
                continue
            if self.where.url is None:
                known["is_sent"] = True
                continue
            is_down = not self._sent(alert, now)
            if not is_down:
                known |= {"at": now.isoformat(), "is_sent": True}
                sent.append(alert.name)
        if json.dumps(told) != before:
            s3.put(self.storage, self.bucket, MEMORY, json.dumps(told).encode())
        return sent

    def is_silent(self, now: datetime) -> bool:
        """Whether it is one of the hours in which nothing is sent."""
        if self.where.silent_hours is None:
            return False
        begin, end = self.where.silent_hours.split("-")
        clock = f"{now.astimezone(ZoneInfo(self.where.time_zone)):%H:%M}"
        return begin <= clock < end if begin <= end else clock >= begin or clock < end

    def _told(self, now: datetime) -> dict[str, dict[str, Any]]:
        try:
            told = json.loads(s3.get(self.storage, self.bucket, MEMORY))
        except ClientError as fault:
            if fault.response["Error"]["Code"] != "NoSuchKey":
                raise
            return {}
        since = now - timedelta(hours=self.where.repeat_hours)
        return {
            name: one for name, one in told.items() if datetime.fromisoformat(one["at"]) > since
        }

    def _sent(self, alert: Alert, now: datetime) -> bool:
        body = json.dumps(asdict(alert) | {"sent_at": now.isoformat()}, ensure_ascii=False).encode()
        headers = {
            "Content-Type": "application/json",
            NAME: hashlib.sha256(f"{alert.name} {now.isoformat()}".encode()).hexdigest()[:32],
            SIGNATURE: signature(keys.alerts(), body),
        }
        again = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(
                (requests.ConnectionError, requests.Timeout, requests.HTTPError)
            ),
            wait=tenacity.wait_random_exponential(_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS),
            stop=tenacity.stop_after_attempt(self.where.tries),
            reraise=True,
        )
        try:
            again(self._post, body, headers)
        except (requests.RequestException, _Refused) as fault:
            # (The sentence of requests may hold the whole address, and that a token.)
            said = str(fault) if isinstance(fault, _Refused) else type(fault).__name__
            log.warning("the webhook of alerts.url does not take it: %s; tried again later", said)
            return False
        return True

    def _post(self, body: bytes, headers: dict[str, str]) -> None:
        assert self.where.url is not None
        answer = requests.post(
            self.where.url,
            data=body,
            headers=headers,
            timeout=self.where.answer_s,
            allow_redirects=False,
        )
        if answer.status_code in _AWAY:
            answer.raise_for_status()
        if not answer.ok or answer.is_redirect:
            raise _Refused(f"status {answer.status_code}")


def signature(secret: bytes, body: bytes) -> str:
    """What the header X-Lakehouse-Signature says of a body."""
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
