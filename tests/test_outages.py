"""lakehouse stream while the storage cannot be reached: it waits a minute, then ends; by a proxy."""

import json
import secrets
import time

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from bench import processes
from lakehouse import keys, ledger, s3
from lakehouse.lake import Lake
from lakehouse.settings import Buckets, Settings
from tests import fault_proxy
from tests.fault_proxy import Kind, outage
from tests.test_stream import EVENTS, SETTINGS, land

OUTAGE_SECONDS = 60


@pytest.mark.parametrize("kind", [Kind.CUT, Kind.ERROR])
def test_a_patient_client_waits_for_the_storage_as_long_as_it_is_to_and_no_other_does(
    kind, server, where, monkeypatch
):
    with fault_proxy.running(server) as proxy:
        patient = s3.client(where, proxy.endpoint, is_patient=True)
        proxy.plan = outage(kind, 12)  # longer than botocore's own four tries
        with pytest.raises((BotoCoreError, ClientError)):
            s3.client(where, proxy.endpoint).list_buckets()
        proxy.plan = outage(kind, 12)
        patient.list_buckets()
        monkeypatch.setattr(s3, "PATIENCE_SECONDS", 1.0)
        proxy.plan = outage(kind, 60)
        with pytest.raises((BotoCoreError, ClientError)):
            patient.list_buckets()


def test_a_patient_client_does_not_wait_where_it_is_refused(server, where):
    began = time.monotonic()
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get(s3.client(where, server, is_patient=True), where.buckets.lake, "nothing")
    assert time.monotonic() - began < 5


@pytest.fixture
def stream(server, where, tmp_path, monkeypatch):
    """A lakehouse behind a proxy: the proxy, a way to land a message and the lake past it, the
    command.
    """
    access, secret = keys.s3(where)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", access)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    with fault_proxy.running(server) as proxy:
        file = tmp_path / "stream.yml"
        buckets = Buckets.named(f"away-{secrets.token_hex(4)}")
        content = {**SETTINGS, "buckets": buckets.model_dump()}
        file.write_text(json.dumps({**content, "s3": {"endpoint": proxy.endpoint}}))
        past = Settings.model_validate(content)
        storage = s3.client(past, server)
        s3.ensure_buckets(storage, past.buckets.model_dump().values())
        words = ("--settings", str(file), "stream", "--every", "500ms")
        yield (
            proxy,
            lambda number: land(storage, number, bucket=buckets.landing),
            Lake(past, server),
            words,
        )


@pytest.mark.slow
@pytest.mark.timeout(1200)  # three outages, and what was being tried waits a little longer
def test_a_stream_waits_a_minute_for_the_storage(stream, tmp_path):
    proxy, says, lake, words = stream
    log = tmp_path / "stream.log"
    with processes.lakehouse(*words, log=log) as process:
        says(1)
        processes.until(lambda: "caught up" in log.read_text(), [process], 250)
        for number, kind in enumerate((Kind.SILENT, Kind.CUT, Kind.ERROR), start=2):
            proxy.plan = outage(kind, OUTAGE_SECONDS)
            says(number)
            processes.until(has(lake, number), [process], OUTAGE_SECONDS + 120)
            assert len(proxy.seen) > number
        process.terminate()
        assert process.wait(300) == 0


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_longer_outage_ends_a_stream_in_a_sentence_and_a_restart_goes_on(stream, tmp_path):
    proxy, says, lake, words = stream
    first, second = tmp_path / "first.log", tmp_path / "second.log"
    with processes.lakehouse(*words, log=first) as process:
        says(1)
        processes.until(lambda: "caught up" in first.read_text(), [process], 250)
        proxy.plan = outage(Kind.CUT, 3600)
        says(2)
        assert process.wait(300) == 1
    [sentence] = first.read_text().partition("streaming\n")[2].splitlines()
    assert "nothing is lost" in sentence

    proxy.plan = lambda method, path: None
    with processes.lakehouse(*words, log=second) as process:
        processes.until(has(lake, 2), [process], 250)
        process.terminate()
        assert process.wait(120) == 0
    ingested = ledger.Ledger(lake, is_reader=True).of("ingest")
    assert sum(batch.messages_in for batch in ingested) == 2


def has(lake, rows):
    """A condition: bronze has so many rows."""
    return lambda: lake.version(EVENTS) >= 0 and lake.rows(EVENTS) == rows
