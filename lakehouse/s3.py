"""The one door to S3 outside Spark: buckets, and objects as bytes."""

# ruff: noqa: PLC0415  boto3 is loaded by who makes a client of it.

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import tenacity
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnected

from lakehouse import keys
from lakehouse.errors import ServerFault
from lakehouse.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.literals import BucketLocationConstraintType
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef, ObjectTypeDef

_REFUSED, _CONFLICT, _UNKNOWN = 412, 409, 501
_AWAY = (500, 502, 503, 504)
_MOST_DELETED = 1000  # by one request, as S3 has it
# How long an outage of the storage is waited for by who works on it for hours.
PATIENCE_SECONDS = 90.0
_PAUSE_SECONDS = 2.0
_WRITERS = 8  # one upload waits for the server most of its time


def client(
    where: Settings,
    endpoint: str | None,
    at_once: int = 16,
    *,
    answer_s: float = 60.0,
    is_patient: bool = False,
) -> "S3Client":
    """A client of the storage at `endpoint` (None is the cloud's own), with its keys.

    Takes   at_once     requests of several threads that it sends without waiting
            answer_s    how long one try may be without an answer
            is_patient  it waits for PATIENCE_SECONDS where the storage cannot be reached; by default
                        for a few seconds, as who starts a command wants to know
    """
    import boto3
    from botocore.config import Config

    access, secret = keys.s3(where)
    storage: S3Client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=where.s3.region,
        aws_access_key_id=access,
        aws_secret_access_key=secret,
        aws_session_token=None if where.s3.is_ours else os.environ.get("AWS_SESSION_TOKEN"),
        config=Config(
            s3={"addressing_style": "path" if where.s3.path_style else "auto"},
            retries={"mode": "standard", "max_attempts": 4},
            max_pool_connections=at_once,
            connect_timeout=answer_s,
            read_timeout=answer_s,
            proxies={} if where.s3.is_ours else None,  # no proxy reaches loopback
            # Checksums that older S3-compatible servers do not know.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )
    if is_patient:
        storage.meta.events.register("needs-retry.s3", _wait_for_storage)  # type: ignore[arg-type]
    return storage


def _wait_for_storage(
    request_dict: dict[str, Any],
    response: tuple[Any, dict[str, Any]] | None = None,
    caught_exception: Exception | None = None,
    **_: object,
) -> float | None:
    """Seconds until a request is sent again that could not be answered; None is not at all.

    botocore asks after each try; its own answer, which counts tries, goes before this one.
    """
    is_away = isinstance(caught_exception, (NotConnected, HTTPClientError))
    if response is not None:
        is_away = response[1]["ResponseMetadata"]["HTTPStatusCode"] in _AWAY
    if not is_away:
        return None
    since = request_dict["context"].setdefault("lakehouse_away_since", time.monotonic())
    return _PAUSE_SECONDS if time.monotonic() - since < PATIENCE_SECONDS else None


def ensure_buckets(storage: "S3Client", names: Iterable[str]) -> None:
    """Make the buckets that are not there.

    Raises ServerFault where the storage cannot be reached or refuses our keys: it is the first
    thing a command asks of it.
    """
    try:
        there = {bucket["Name"] for bucket in storage.list_buckets()["Buckets"]}
        for name in names:
            if name not in there:
                _make_bucket(storage, name)
    except (BotoCoreError, ClientError) as fault:
        place = storage.meta.endpoint_url
        raise ServerFault(f"{place}: {fault}; check s3.endpoint and the keys") from None


def _make_bucket(storage: "S3Client", name: str) -> None:
    region = storage.meta.region_name
    try:
        if region == "us-east-1":  # AWS refuses this one as a location
            storage.create_bucket(Bucket=name)
        else:
            location: BucketLocationConstraintType = region  # type: ignore[assignment]
            storage.create_bucket(
                Bucket=name, CreateBucketConfiguration={"LocationConstraint": location}
            )
    except ClientError as fault:  # another command was faster
        if fault.response["Error"]["Code"] != "BucketAlreadyOwnedByYou":
            raise


def objects(storage: "S3Client", bucket: str, prefix: str = "") -> "Iterator[ObjectTypeDef]":
    """Every object under `prefix` (Key, Size, LastModified, ETag), in the order of their keys."""
    for page in storage.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from page.get("Contents", [])


def folders(storage: "S3Client", bucket: str, prefix: str = "") -> "Iterator[str]":
    """The prefixes one level below `prefix`, each with its `/`; none where there is no bucket."""
    pages = storage.get_paginator("list_objects_v2")
    with suppress(storage.exceptions.NoSuchBucket):
        for page in pages.paginate(Bucket=bucket, Prefix=prefix, Delimiter="/"):
            for one in page.get("CommonPrefixes", []):
                yield one["Prefix"]


def get(storage: "S3Client", bucket: str, key: str) -> bytes:
    """The bytes of one object."""
    return storage.get_object(Bucket=bucket, Key=key)["Body"].read()


def put(
    storage: "S3Client", bucket: str, key: str, content: bytes, kind: str | None = None
) -> None:
    """Write one object whole; `kind` is its media type, for browsers."""
    if kind is None:
        storage.put_object(Bucket=bucket, Key=key, Body=content)
    else:
        storage.put_object(Bucket=bucket, Key=key, Body=content, ContentType=kind)


def delete(storage: "S3Client", bucket: str, keys: Sequence[str]) -> None:
    """Delete objects; one that is not there is no fault."""
    for at in range(0, len(keys), _MOST_DELETED):
        gone: list[ObjectIdentifierTypeDef] = [
            {"Key": key} for key in keys[at : at + _MOST_DELETED]
        ]
        storage.delete_objects(Bucket=bucket, Delete={"Objects": gone, "Quiet": True})


@contextmanager
def uploading(storage: "S3Client") -> Iterator[Callable[[str, str, bytes], None]]:
    """Write objects side by side: called with bucket, key and content; at the end all are there.

    Raises what an upload raised, at a later call or at the end.
    """
    under_way: deque[Future[None]] = deque()
    with ThreadPoolExecutor(_WRITERS) as writers:

        def put_soon(bucket: str, key: str, content: bytes) -> None:
            if len(under_way) >= 4 * _WRITERS:
                under_way.popleft().result()
            under_way.append(writers.submit(put, storage, bucket, key, content))

        yield put_soon
        for upload in under_way:
            upload.result()


def put_new(storage: "S3Client", bucket: str, key: str, content: bytes) -> bool:
    """Write one object whole where there is none; False where there is one.

    Raises ServerFault where the storage does not know the condition.
    """
    try:
        _put_new(storage, bucket, key, content)
    except ClientError as fault:
        if _status(fault) == _UNKNOWN:
            raise ServerFault(
                f"{storage.meta.endpoint_url} does not know conditional PUTs (If-None-Match), by "
                "which every commit is made; AWS S3 and SeaweedFS 4.48 know them"
            ) from None
        if _status(fault) != _REFUSED:
            raise
        return False
    return True


# AWS's answer where another PUT of that name is under way, which may yet fail.
@tenacity.retry(
    retry=tenacity.retry_if_exception(lambda fault: _status(fault) == _CONFLICT),
    wait=tenacity.wait_random_exponential(multiplier=0.05, max=2),
    stop=tenacity.stop_after_attempt(10),
    reraise=True,
)
def _put_new(storage: "S3Client", bucket: str, key: str, content: bytes) -> None:
    storage.put_object(Bucket=bucket, Key=key, Body=content, IfNoneMatch="*")


def _status(fault: BaseException) -> int | None:
    if not isinstance(fault, ClientError):
        return None
    return fault.response["ResponseMetadata"]["HTTPStatusCode"]
