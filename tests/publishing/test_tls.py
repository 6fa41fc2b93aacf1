"""A PostgreSQL with a certificate of its own."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from lakehouse import settings
from lakehouse.errors import ServerFault
from lakehouse.machine import LOOPBACK
from lakehouse.publishing import connect, server

_CERTIFICATE = (
    "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=lakehouse "
    f"-addext subjectAltName=IP:{LOOPBACK} -keyout server.key -out server.crt"
)


@pytest.fixture(scope="module")
def certified(postgres, tmp_path_factory):
    """The server's address and its certificate, which no authority of this machine has signed."""
    folder = tmp_path_factory.mktemp("certificate")
    subprocess.run(_CERTIFICATE.split(), cwd=folder, check=True, capture_output=True)
    data = Path(server.status(settings.home()).data)
    for name in ("server.key", "server.crt"):
        placed = Path(shutil.copy(folder / name, data))
        os.chown(placed, data.stat().st_uid, data.stat().st_gid)
        placed.chmod(0o600)
    connection = connect.connected(postgres)
    _turn(connection, "on")
    yield postgres, folder / "server.crt"
    _turn(connection, "off")
    connection.close()


def _turn(connection, how):
    """TLS on or off, for those who connect from now on."""
    connection.run(f"ALTER SYSTEM SET ssl = {how}")
    connection.run("SELECT pg_reload_conf()")
    end = time.monotonic() + 20
    while connection.run("SHOW ssl") != [[how]]:
        assert time.monotonic() < end
        time.sleep(0.1)


def is_encrypted(address):
    connection = connect.connected(address)
    [[found]] = connection.run("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    connection.close()
    return found


def test_a_server_without_tls_is_refused_where_it_is_required(postgres):
    with pytest.raises(ServerFault, match="refuses SSL"):
        connect.connected(f"{postgres}?sslmode=require")


def test_it_is_encrypted_unless_that_is_switched_off(certified):
    address, _ = certified
    assert not is_encrypted(f"{address}?sslmode=disable")
    assert is_encrypted(address)
    assert is_encrypted(f"{address}?sslmode=require")


def test_a_server_is_believed_by_an_authority_and_its_name(certified, monkeypatch):
    address, certificate = certified
    asked = f"{address}?sslmode=verify-full"
    with pytest.raises(ServerFault, match="certificate verify failed"):
        connect.connected(asked)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert is_encrypted(asked)
    with pytest.raises(ServerFault, match="localhost"):
        connect.connected(asked.replace(LOOPBACK, "localhost"))
