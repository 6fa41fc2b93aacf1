"""The proxy with bad days: signed requests pass it unchanged, and each fault is what it says."""

import time

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lakehouse import keys, s3
from tests import fault_proxy
from tests.fault_proxy import Fault, Kind

BODY = b"x" * 3_000_000


@pytest.fixture
def proxy(server):
    with fault_proxy.running(server) as proxy:
        yield proxy


@pytest.fixture
def through(proxy, where):
    """A client that tries a request once, through the proxy."""
    access, secret = keys.s3(where)
    return boto3.client(
        "s3",
        endpoint_url=proxy.endpoint,
        region_name="us-east-1",
        aws_access_key_id=access,
        aws_secret_access_key=secret,
        config=Config(
            s3={"addressing_style": "path"},
            retries={"total_max_attempts": 1},
            read_timeout=2,
        ),
    )


@pytest.fixture
def there(server, where):
    """The bytes of an object by the server itself; None where there is none."""
    storage = s3.client(where, server)

    def look(key):
        found = [one["Key"] for one in s3.objects(storage, "ops", key)]
        return s3.get(storage, "ops", key) if key in found else None

    return look


def test_requests_pass_unchanged(through, there):
    s3.put(through, "ops", "proxied/a b", BODY)
    assert there("proxied/a b") == BODY
    assert s3.get(through, "ops", "proxied/a b") == BODY
    assert [one["Size"] for one in s3.objects(through, "ops", "proxied/")] == [len(BODY)]
    assert through.head_object(Bucket="ops", Key="proxied/a b")["ContentLength"] == len(BODY)
    assert not s3.put_new(through, "ops", "proxied/a b", b"new")


@pytest.mark.parametrize(
    ("fault", "is_done"),
    [
        (Fault(Kind.DROP_ANSWER), True),
        (Fault(Kind.ERROR), False),
        (Fault(Kind.ERROR, status=500), False),
        (Fault(Kind.CUT), False),
        (Fault(Kind.SILENT, seconds=0.5), False),
        (Fault(Kind.HELD), False),
        (Fault(Kind.HALF_AND_HELD), False),
        (Fault(Kind.DONE_AND_HELD), True),
    ],
    ids=lambda value: value.kind.name if isinstance(value, Fault) else "",
)
def test_a_fault_befalls_one_request(proxy, through, there, fault, is_done):
    key = f"proxied/{fault.kind.name}-{fault.status}"
    proxy.plan = fault_proxy.first(1, fault, "PUT", lambda path: path.endswith(key))
    with pytest.raises((BotoCoreError, ClientError)) as told:
        s3.put(through, "ops", key, BODY)
    if fault.kind is Kind.ERROR:
        assert told.value.response["ResponseMetadata"]["HTTPStatusCode"] == fault.status
    assert there(key) == (BODY if is_done else None)
    assert proxy.seen == [("PUT", f"/ops/{key}", fault)]
    s3.put(through, "ops", key, b"again")
    assert there(key) == b"again"


def test_a_delay_only_delays(proxy, through, there):
    proxy.plan = lambda method, path: Fault(Kind.DELAY, 0.5)
    began = time.monotonic()
    s3.put(through, "ops", "proxied/late", b"late")
    assert time.monotonic() - began > 0.5
    assert there("proxied/late") == b"late"


def test_an_outage_ends(proxy, through, there):
    proxy.plan = fault_proxy.outage(fault_proxy.Kind.SILENT, 0.5)
    with pytest.raises(BotoCoreError):
        s3.put(through, "ops", "proxied/out", b"")
    s3.put(through, "ops", "proxied/out", b"in")
    assert there("proxied/out") == b"in"
