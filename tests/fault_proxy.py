"""A proxy between client and S3 server that passes signed bytes unchanged and has bad days.

What is to happen to a request is asked of `plan` (method and path -> Fault or None) once its head
has come. The `Host` of the request stays, so that its signature holds.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import unquote, urlsplit

_CHUNK = 1 << 16
_BUSY = (
    b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Reduce your rate.</Message></Error>"
)


class Kind(Enum):
    """What befalls a request."""

    DROP_ANSWER = "the server does it, the connection ends without the answer"
    ERROR = "500 or 503 instead of the server's answer; the server never sees it"
    CUT = "the connection ends in the middle of the request's body; the server never does it"
    DELAY = "the request waits"
    SILENT = "no answer and no end, for a time; the server never sees it"
    HELD = "the server never sees it, the client waits until the proxy ends"
    HALF_AND_HELD = "the server gets half of the body, the client waits until the proxy ends"
    DONE_AND_HELD = "the server does it, the client waits for the answer until the proxy ends"


_NEVER_DONE = (Kind.ERROR, Kind.CUT, Kind.SILENT, Kind.HELD, Kind.HALF_AND_HELD)


@dataclass(frozen=True)
class Fault:
    """What befalls one request.

    seconds  of a delay or silence
    status   of an error
    says     is called when it has come so far that the client waits
    """

    kind: Kind
    seconds: float = 0.0
    status: int = 503
    says: Callable[[], object] = bool


Plan = Callable[[str, str], Fault | None]


@dataclass
class Proxy:
    """A running proxy: set `plan` at any time; `seen` has (method, path, fault) of each fault."""

    port: int
    upstream: tuple[str, int]
    plan: Plan = lambda method, path: None
    seen: list[tuple[str, str, Fault]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def endpoint(self) -> str:
        """What clients connect to."""
        return f"http://127.0.0.1:{self.port}"

    def serve(self, client: socket.socket) -> None:
        """Pass the requests of one connection on, one after the other."""
        with client, suppress(OSError, EOFError), _Connection(self.upstream) as server:
            reader = client.makefile("rb")
            while not self.over.is_set():
                head = _head(reader)
                method, path = _request(head)
                fault = self.plan(method, path)
                if fault is not None:
                    self.seen.append((method, path, fault))
                if not self._pass(client, reader, server, head, fault):
                    return

    def _pass(self, client, reader, server, head, fault) -> bool:  # type: ignore[no-untyped-def]
        """One request and its answer; False where the connection is to end."""
        kind = fault.kind if fault else None
        body = _length(head)
        if _expects_continue(head):  # the client sends no body before it is told to
            client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            head = _without_expect(head)
        if kind is Kind.DELAY:
            self.over.wait(fault.seconds)
        content = reader.read(expected := body // 2 if kind is Kind.CUT else body)
        if len(content) < expected:  # the client was killed
            raise EOFError
        if kind in _NEVER_DONE:
            return self._refuse(client, server, head, content, fault)
        server.send(head + content)
        answer = server.answer(is_head=head.startswith(b"HEAD"))
        if kind in (Kind.DROP_ANSWER, Kind.DONE_AND_HELD):
            b"".join(answer)
            fault.says()
            self.over.wait(None if kind is Kind.DONE_AND_HELD else 0)
            return False
        for part in answer:
            client.sendall(part)
        return True

    def _refuse(self, client, server, head, content, fault) -> bool:  # type: ignore[no-untyped-def]
        if fault.kind is Kind.ERROR:
            reason = "Slow Down" if fault.status == 503 else "Internal Server Error"
            body = b"" if head.startswith(b"HEAD") else _BUSY
            client.sendall(
                f"HTTP/1.1 {fault.status} {reason}\r\nContent-Type: application/xml\r\n"
                f"Content-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            return True
        if fault.kind is Kind.HALF_AND_HELD:
            server.send(head + content[: len(content) // 2])
        fault.says()
        if fault.kind is not Kind.CUT:
            self.over.wait(fault.seconds if fault.kind is Kind.SILENT else None)
        return False


class _Connection:
    """A connection to the server, made at the first request."""

    def __init__(self, upstream: tuple[str, int]) -> None:
        self.upstream = upstream
        self.socket: socket.socket | None = None

    def __enter__(self) -> "_Connection":
        return self

    def __exit__(self, *_: object) -> None:
        if self.socket:
            self.socket.close()

    def send(self, request: bytes) -> None:
        if self.socket is None:
            self.socket = socket.create_connection(self.upstream)
            self.reader = self.socket.makefile("rb")
        self.socket.sendall(request)

    def answer(self, *, is_head: bool) -> Iterator[bytes]:
        """The server's answer in pieces, head first."""
        head = _head(self.reader)
        yield head
        if is_head or head.split(b" ", 2)[1] in (b"204", b"304"):
            return
        if _header(head, b"transfer-encoding") == b"chunked":
            while True:
                line = self.reader.readline()
                size = int(line.split(b";")[0], 16)
                yield line + self.reader.read(size + 2)
                if size == 0:
                    return
        left = _length(head)
        while left:
            part = self.reader.read(min(left, _CHUNK))
            if not part:
                raise EOFError
            left -= len(part)
            yield part


def _head(reader) -> bytes:  # type: ignore[no-untyped-def]
    lines = []
    while (line := reader.readline()) not in (b"\r\n", b""):
        lines.append(line)
    if not lines:
        raise EOFError
    return b"".join([*lines, b"\r\n"])


def _request(head: bytes) -> tuple[str, str]:
    method, target, _ = head.split(b" ", 2)
    return method.decode(), unquote(urlsplit(target.decode()).path)


def _header(head: bytes, name: bytes) -> bytes | None:
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            return value.strip()
    return None


def _length(head: bytes) -> int:
    return int(_header(head, b"content-length") or 0)


def _expects_continue(head: bytes) -> bool:
    return (_header(head, b"expect") or b"").lower() == b"100-continue"


def _without_expect(head: bytes) -> bytes:
    kept = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"expect:")]
    return b"\r\n".join(kept)


@contextmanager
def running(upstream: str, port: int = 0) -> Iterator[Proxy]:
    """A proxy before the server at `upstream` (http://host:port)."""
    place = urlsplit(upstream)
    assert place.hostname and place.port
    with socket.create_server(("127.0.0.1", port)) as listener:
        listener.settimeout(0.2)
        proxy = Proxy(listener.getsockname()[1], (place.hostname, place.port))
        clients: list[socket.socket] = []

        def accept() -> None:
            while not proxy.over.is_set():
                with suppress(TimeoutError):
                    client, _ = listener.accept()
                    client.settimeout(None)
                    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    clients.append(client)
                    threading.Thread(target=proxy.serve, args=(client,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.over.set()
            thread.join()
            for client in clients:
                with suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)


def first(count: int, fault: Fault, method: str, of: Callable[[str], bool]) -> Plan:
    """A plan: the first `count` requests of a method whose path `of` holds for."""
    lock = threading.Lock()
    left = count

    def plan(asked: str, path: str) -> Fault | None:
        nonlocal left
        if asked != method or not of(path):
            return None
        with lock:
            left -= 1
            return fault if left >= 0 else None

    return plan


def outage(kind: Kind, seconds: float) -> Plan:
    """A plan: whatever is asked meets the same fault until so many seconds from now have passed."""
    end = time.monotonic() + seconds

    def plan(method: str, path: str) -> Fault | None:
        del method, path
        left = end - time.monotonic()
        return Fault(kind, left) if left > 0 else None

    return plan
