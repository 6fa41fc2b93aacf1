"""The secrets: from the environment, or from a file that is made once, outside every bucket."""

import hashlib
import hmac
import json
import os
import secrets
from pathlib import Path
from typing import Any

from lakehouse import settings
from lakehouse.errors import MissingKey
from lakehouse.settings import Settings

_LEAST_SECRET = 16  # characters
PSEUDONYM_BYTES = 32  # HMAC-SHA256 wants a key as long as its digest (RFC 2104, section 3)


def s3(where: Settings) -> tuple[str, str]:
    """The access key and secret key of the S3 storage.

    A storage of your own (settings.s3.endpoint) takes them from the environment, the project's
    own server from the keys file.
    """
    if where.s3.is_ours:
        content = _file()
        return content["access_key"], content["secret_key"]
    try:
        return os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
    except KeyError as missing:
        raise MissingKey(
            f"{missing.args[0]} is not in the environment; {where.s3.endpoint} needs it"
        ) from None


def limited(where: Settings, who: str) -> tuple[str, str]:
    """The access key and secret key of who may do less than the owner (s3_server.py says what).

    Takes   who  `reader`, `scientist`: a storage of your own takes theirs from LAKEHOUSE_READER_KEY
                 and so on (`<access>:<secret>`)
    """
    if where.s3.is_ours:
        return _derived(where, who)
    name = f"LAKEHOUSE_{who.upper()}_KEY"
    access, _, secret = os.environ.get(name, "").partition(":")
    if not access or not secret:
        raise MissingKey(f"{name} is not `<access>:<secret>` of a {who} of {where.s3.endpoint}")
    return access, secret


def viewer(where: Settings) -> tuple[str, str]:
    """The access key and secret key of who may read every bucket and write none.

    A storage of your own has the owner's for it.
    """
    return _derived(where, "viewer") if where.s3.is_ours else s3(where)


def environment(of: tuple[str, str]) -> dict[str, str]:
    """An access key and secret key as the environment of a process has them."""
    return {"AWS_ACCESS_KEY_ID": of[0], "AWS_SECRET_ACCESS_KEY": of[1]}


def token(where: Settings, who: str) -> str:
    """What a client shows to be served as `who`; made of the owner's secret key."""
    return _derived(where, f"client of {who}")[1]


def _derived(where: Settings, who: str) -> tuple[str, str]:
    """Keys of the project's own server, made of the owner's, from which nobody can work those out."""
    owner = s3(where)[1].encode()
    access, secret = (
        hmac.new(owner, f"{who}'s {what} key".encode(), hashlib.sha256).hexdigest()
        for what in ("access", "secret")
    )
    return access[:20], secret[:40]


def pseudonym() -> tuple[int, bytes]:
    """The number and the bytes of the key that turns subjects into pseudonyms.

    LAKEHOUSE_PSEUDONYM_KEY (`<number>:<hex>`) goes before the keys file: on a cluster every driver
    must have the same one.
    """
    given = os.environ.get("LAKEHOUSE_PSEUDONYM_KEY")
    if given is None:
        numbered = _file()["pseudonym"]
        newest = max(numbered, key=int)
        given = f"{newest}:{numbered[newest]}"
    number, _, digits = given.partition(":")
    try:
        key = bytes.fromhex(digits)
        if len(key) < PSEUDONYM_BYTES or int(number) < 1:
            raise ValueError
        return int(number), key
    except ValueError:  # the value itself is a secret: the sentence must not repeat it
        raise MissingKey(
            "the pseudonym key is not `<number>:<hex of at least 32 bytes>`; "
            "set LAKEHOUSE_PSEUDONYM_KEY to one"
        ) from None


def alerts() -> bytes:
    """The secret that messages to the webhook are signed with; only from the environment.

    Raises MissingKey where there is none.
    """
    secret = os.environ.get("LAKEHOUSE_ALERT_SECRET", "")
    if len(secret) < _LEAST_SECRET:
        raise MissingKey(
            f"LAKEHOUSE_ALERT_SECRET is {'too short' if secret else 'not in the environment'}; "
            f"alerts.url needs one of at least {_LEAST_SECRET} characters, to sign with"
        )
    return secret.encode()


def _file() -> dict[str, Any]:
    path = settings.home() / "keys.json"
    if not path.exists():
        _make(path)
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        content["access_key"], content["secret_key"], content["pseudonym"]["1"]
    except (ValueError, KeyError, TypeError):
        raise MissingKey(
            f"{path}: not a keys file; put the saved one back (a new one gives new pseudonyms)"
        ) from None
    return content


def _make(path: Path) -> None:
    content = {
        "access_key": secrets.token_hex(10),
        "secret_key": secrets.token_hex(20),
        "pseudonym": {"1": secrets.token_hex(PSEUDONYM_BYTES)},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"keys.{secrets.token_hex(4)}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file, indent=2)
    try:
        os.link(draft, path)  # unlike a rename it never replaces the keys of a faster command
    except FileExistsError:
        pass
    finally:
        draft.unlink()
