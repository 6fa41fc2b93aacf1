"""A connection to PostgreSQL: the address from the settings, the password from the environment."""

import os
import ssl
from urllib.parse import parse_qs, unquote, urlsplit

from pg8000.exceptions import DatabaseError, InterfaceError
from pg8000.native import Connection

from lakehouse.errors import BadSetting, ServerFault

PASSWORD = "LAKEHOUSE_POSTGRES_PASSWORD"
_FORM = "postgresql://user@host:port/database, with ?sslmode=verify-full or require for TLS"
_SSL_MODES = ("disable", "prefer", "require", "verify-full")
_PORT = 5432


def connected(url: str) -> Connection:
    """Open a connection that speaks UTC.

    Raises BadSetting where the address is none, or holds a password; ServerFault where nobody
    answers there, or refuses us.
    """
    parts = urlsplit(url)
    if parts.password:  # it would stand in settings, in the list of processes, in logs
        raise BadSetting(f"postgres.url holds a password; put it into {PASSWORD}, and leave it out")
    mode = parse_qs(parts.query).get("sslmode", ["prefer"])[-1]
    if parts.scheme not in ("postgresql", "postgres") or not parts.hostname or not parts.username:
        raise BadSetting(f"postgres.url '{url}' is not {_FORM}")
    if mode not in _SSL_MODES:
        raise BadSetting(f"sslmode={mode} of postgres.url: one of {', '.join(_SSL_MODES)}")
    database = parts.path.strip("/") or parts.username
    try:
        return Connection(
            unquote(parts.username),
            host=parts.hostname,
            port=parts.port or _PORT,
            database=unquote(database),
            password=os.environ.get(PASSWORD),
            ssl_context=_tls(mode),
            application_name="lakehouse publish",
            startup_params={"TimeZone": "UTC"},
        )
    except (DatabaseError, InterfaceError, OSError) as fault:
        said = fault.args[0].get("M") if fault.args and isinstance(fault.args[0], dict) else fault
        raise ServerFault(
            f"PostgreSQL at {parts.hostname}:{parts.port or _PORT}/{database}: {said} "
            f"(the password is read from {PASSWORD})"
        ) from None


def _tls(mode: str) -> ssl.SSLContext | bool | None:
    """What pg8000 takes: False is without, None is with where the server can."""
    if mode in ("disable", "prefer"):
        return False if mode == "disable" else None
    context = ssl.create_default_context()
    if mode == "require":  # as libpq has it: encrypted, whoever it is
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
