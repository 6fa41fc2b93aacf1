"""PostgreSQL where it is not installed: Debian's packages, unpacked."""

import pytest

from lakehouse.errors import BadMachine
from lakehouse.publishing import connect, programs, server


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A home folder on a machine without PostgreSQL."""
    monkeypatch.setattr(programs, "INSTALLED", tmp_path / "nothing")
    monkeypatch.setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
    yield tmp_path / "home"
    server.remove(tmp_path / "home")


@pytest.mark.parametrize("user", ["postgres", "nobody"])  # in root's place
def test_what_is_not_installed_is_unpacked_and_serves(elsewhere, monkeypatch, user):
    monkeypatch.setattr(server, "_SYSTEM_USERS", (user,))
    assert programs.found("postgres", server.unpacked(elsewhere)) is None
    running = server.start(elsewhere)
    program = programs.found("postgres", server.unpacked(elsewhere))
    assert program.is_relative_to(server.unpacked(elsewhere))
    monkeypatch.setenv(connect.PASSWORD, server.password(elsewhere))
    connection = connect.connected(running.url)
    assert connection.run("SELECT sum(n) FROM generate_series(1, 4) AS n") == [[10]]
    [[path]] = connection.run("SELECT setting FROM pg_config WHERE name = 'BINDIR'")
    assert path == str(program.parent)
    connection.close()
    assert server.stop(elsewhere)
    server.remove(elsewhere)
    assert not server.unpacked(elsewhere).exists()


def test_a_machine_that_has_no_packages_is_said_so(elsewhere, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadMachine, match="no PostgreSQL on this machine: `apt-get install postgre"):
        server.start(elsewhere)
    assert not server.unpacked(elsewhere).exists()
