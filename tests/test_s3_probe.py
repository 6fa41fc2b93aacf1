"""The probe of conditional PUTs: the real server passes, small ones that cheat do not."""

import re

import pytest

from lakehouse import s3, s3_probe
from lakehouse.errors import ServerFault
from lakehouse.settings import S3, Buckets
from tests import small_s3

NAME = "http://storage"


@pytest.fixture
def small(where, monkeypatch):
    """Settings and client of a small server; called with the way it has."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "access")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")

    def at(endpoint):
        settings = where.model_copy(update={"s3": S3(endpoint=endpoint)})
        return settings, s3.client(settings, endpoint)

    return at


def test_the_real_server_keeps_its_word(server, where):
    found = s3_probe.probe(s3.client(where, server), "ops", NAME)
    assert found.is_safe
    assert list(s3.objects(s3.client(where, server), "ops", "_lakehouse/races/")) == []


@pytest.mark.parametrize(
    ("way", "fault"),
    [
        (small_s3.HONEST, None),
        (small_s3.IGNORES, "it ignores If-None-Match: a PUT with it replaced an object"),
        (small_s3.LOOKS_FIRST, "it looks first and writes later: . of 4 PUTs at once won"),
    ],
)
def test_a_server_that_cheats_is_found_out(small, way, fault):
    with small_s3.running(way) as endpoint:
        _, storage = small(endpoint)
        found = s3_probe.probe(storage, "ops", NAME)
    assert found.is_safe == (fault is None)
    assert re.match(fault or "None", str(found.fault))


def test_a_storage_that_does_not_know_the_condition_is_refused_by_name(small):
    with small_s3.running(small_s3.UNKNOWING) as endpoint:
        settings, _ = small(endpoint)
        said = f"{endpoint} does not know conditional PUTs .*; AWS S3 and SeaweedFS 4.48 know them"
        with pytest.raises(ServerFault, match=said):
            s3_probe.unsafe(settings, endpoint)


def test_a_verdict_is_kept_with_its_bucket_for_its_storage(server, where, monkeypatch):
    settings = where.model_copy(update={"buckets": Buckets.named("probed")})
    storage = s3.client(settings, server)
    s3.ensure_buckets(storage, settings.buckets.model_dump().values())
    probed = []
    probe = s3_probe.probe

    def counted(storage, bucket, name):
        probed.append(bucket)
        return probe(storage, bucket, name, rounds=1)

    monkeypatch.setattr(s3_probe, "probe", counted)
    assert s3_probe.unsafe(settings, server) is None
    assert s3_probe.unsafe(settings, server) is None
    assert probed == ["probed-lake", "probed-gold", "probed-ops"]
    elsewhere = settings.model_copy(update={"s3": S3(endpoint=NAME)})
    monkeypatch.setattr(s3_probe.s3, "client", lambda *_: storage)
    assert s3_probe.unsafe(elsewhere, NAME) is None
    assert len(probed) == 6


def test_a_storage_that_cheats_is_named_with_what_to_do(small):
    with small_s3.running(small_s3.IGNORES) as endpoint:
        settings, _ = small(endpoint)
        said = s3_probe.unsafe(settings, endpoint)
    assert said.startswith(f"{endpoint} does not keep its word on conditional PUTs (it ignores")
    assert "only one process at a time may write; AWS S3 and SeaweedFS 4.48 keep it" in said
