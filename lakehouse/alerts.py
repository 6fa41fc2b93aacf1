"""The door to whoever must hear of it: a log line, and a message to a webhook of one's own.

The message is JSON, signed: the header X-Lakehouse-Signature is `sha256=` and the HMAC-SHA256 of the
body in hex, under the secret of LAKEHOUSE_ALERT_SECRET. X-Lakehouse-Alert names the alert: whoever
gets one twice, because an answer was lost, knows it by that.

What was told is remembered in the bucket of ops, whole: any process of the lakehouse knows it, and
what could not be sent is sent by the next one that can.
"""

import hashlib
import hmac
import json
import logging
from collections.abc import Container, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import requests
import tenacity
from botocore.exceptions import ClientError
from pydantic import BaseModel, TypeAdapter, ValidationError

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


class _Told(BaseModel):
    """What is remembered of an alert.

    at       when it was sent or refused, or first told where it is neither
    told_as  its name in the header, the same each time it is tried
    is_done  nothing is left to do until it is due again
    """

    alert: Alert
    at: datetime
    told_as: str
    is_done: bool


_MEMORY = TypeAdapter(dict[str, _Told])


class Bell:
    """Tells of alerts, each once in `repeat_hours`, and outside of the silent hours."""

    def __init__(self, settings: Settings, storage: "S3Client") -> None:
        """Take the settings and a client of the storage for what was told already."""
        self.where: Alerts = settings.alerts
        self.storage = storage
        self.bucket = settings.buckets.ops

    def ring(
        self, alerts: Iterable[Alert], now: datetime, judged: Container[str] = ()
    ) -> list[str]:
        """Tell of what was not told lately; the names of what was sent.

        What cannot be sent, as it is a silent hour or the webhook does not take it, is kept and
        sent by a later call. No fault of the webhook is raised.

        Takes   judged  tables of which the alerts are all that is true: what was told of them besides
                        is over, and told anew when it comes back
        """
        true = {alert.name: alert for alert in alerts}
        told = self._told()
        before = _MEMORY.dump_json(told)
        due = now - timedelta(hours=self.where.repeat_hours)
        for name, one in list(told.items()):
            is_over = name not in true and one.alert.table in judged
            if is_over or (one.is_done and one.at <= due):
                del told[name]
        for name, alert in true.items():
            if name in told:
                told[name].alert = alert
                continue
            log.warning("%s", alert.sentence)
            told_as = hashlib.sha256(f"{name} {now.isoformat()}".encode()).hexdigest()[:32]
            told[name] = _Told(alert=alert, at=now, told_as=told_as, is_done=self.where.url is None)
        if _MEMORY.dump_json(told) != before:
            self._keep(told)
        return self._send(told, now)

    def _send(self, told: dict[str, _Told], now: datetime) -> list[str]:
        sent: list[str] = []
        waiting = [one for one in told.values() if not one.is_done]
        if self.where.url is None or self.is_silent(now):
            return sent
        for one in waiting:
            try:
                self._again()(self._post, one, now)
            except _Refused as fault:  # and would again
                log.warning("the webhook of alerts.url refuses %s: %s", one.alert.name, fault)
            except requests.RequestException as fault:
                # (Its sentence may hold the whole address, and that a token.)
                said = type(fault).__name__
                log.warning("the webhook of alerts.url does not answer: %s; tried later", said)
                break
            else:
                sent.append(one.alert.name)
            one.at, one.is_done = now, True
            self._keep(told)  # now: who is cut off here tells of no more than one alert twice
        return sent

    def is_silent(self, now: datetime) -> bool:
        """Whether it is one of the hours in which nothing is sent."""
        if self.where.silent_hours is None:
            return False
        begin, end = self.where.silent_hours.split("-")
        clock = f"{now.astimezone(ZoneInfo(self.where.time_zone)):%H:%M}"
        return begin <= clock < end if begin <= end else clock >= begin or clock < end

    def _told(self) -> dict[str, _Told]:
        try:
            return _MEMORY.validate_json(s3.get(self.storage, self.bucket, MEMORY))
        except ValidationError:  # by another version of the project
            return {}
        except ClientError as fault:
            if fault.response["Error"]["Code"] != "NoSuchKey":
                raise
            return {}

    def _keep(self, told: dict[str, _Told]) -> None:
        s3.put(self.storage, self.bucket, MEMORY, _MEMORY.dump_json(told))

    def _again(self) -> tenacity.Retrying:
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(
                (requests.ConnectionError, requests.Timeout, requests.HTTPError)
            ),
            wait=tenacity.wait_random_exponential(_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS),
            stop=tenacity.stop_after_attempt(self.where.tries),
            reraise=True,
        )

    def _post(self, told: _Told, now: datetime) -> None:
        assert self.where.url is not None
        body = asdict(told.alert) | {"sent_at": now.isoformat()}
        data = json.dumps(body, ensure_ascii=False).encode()
        headers = {
            "Content-Type": "application/json",
            NAME: told.told_as,
            SIGNATURE: signature(keys.alerts(), data),
        }
        answer = requests.post(
            self.where.url,
            data=data,
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
