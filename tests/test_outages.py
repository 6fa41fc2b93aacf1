"""lakehouse stream while the storage cannot be reached: it waits a minute, then ends; by a proxy."""

import json
import time

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from bench import processes
from lakehouse import keys, ledger, s3, tables
from lakehouse.lake import Lake
from lakehouse.settings import Settings
from tests import fault_proxy
from tests.fault_proxy import Fault, Kind
from tests.test_stream import EVENTS, SETTINGS, land

OUTAGE_SECONDS = 60


def outage(kind, seconds):
    """A plan: whatever is asked meets the same fault until so many seconds have passed."""
    end = time.monotonic() + seconds

    def plan(method, path):
        del method, path
        left = end - time.monotonic()
        return Fault(kind, left) if left > 0 else None

    return plan


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
    """A lakehouse behind a proxy: the proxy, a storage client and lake past it, the command."""
    access, secret = keys.s3(where)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", access)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    with fault_proxy.running(server) as proxy:
        file = tmp_path / "stream.yml"
        file.write_text(json.dumps({**SETTINGS, "s3": {"endpoint": proxy.endpoint}}))
        past = Settings.model_validate(SETTINGS)
        storage = s3.client(past, server)
        s3.ensure_buckets(storage, past.buckets.model_dump().values())
        words = ("--settings", str(file), "stream", "--every", "500ms")
        yield proxy, storage, Lake(past, server), words


@pytest.mark.slow
@pytest.mark.timeout(1500)  # three starts of a stream, four outages
def test_a_stream_waits_a_minute_for_the_storage_and_ends_in_a_sentence_after_more(
    stream, tmp_path
):
    proxy, storage, lake, words = stream
    first, second = tmp_path / "first.log", tmp_path / "second.log"

    def has(rows):
        return lambda: lake.version(EVENTS) >= 0 and lake.rows(EVENTS) == rows

    with processes.lakehouse(*words, log=first) as process:
        land(storage, 1)
        processes.until(lambda: "caught up" in first.read_text(), process, 250)
        for number, kind in enumerate((Kind.SILENT, Kind.CUT, Kind.ERROR), start=2):
            proxy.plan = outage(kind, OUTAGE_SECONDS)
            land(storage, number)
            processes.until(has(number), process, OUTAGE_SECONDS + 120)
        began = len(proxy.seen)
        assert began > 10
        proxy.plan = outage(Kind.CUT, 3600)
        land(storage, 5)
        assert process.wait(400) == 1
    sentences = [line for line in first.read_text().splitlines() if line.startswith("lakehouse")]
    assert len(sentences) == 1, first.read_text()
    assert "Traceback" not in first.read_text()

    proxy.plan = lambda method, path: None
    with processes.lakehouse(*words, log=second) as process:
        processes.until(has(5), process, 250)
        process.terminate()
        assert process.wait(120) == 0
    ingested = ledger.Ledger(lake, is_reader=True).of("ingest")
    assert sum(batch.messages_in for batch in ingested) == 5
    assert lake.rows(tables.by_name("silver.shops")) == 5
