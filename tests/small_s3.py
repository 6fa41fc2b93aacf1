"""A small S3 server that keeps its word on conditional PUTs, cheats in one of two ways, or does not
know them.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

HONEST, IGNORES, LOOKS_FIRST = "honest", "ignores the condition", "looks first and writes later"
UNKNOWING = "does not know the condition"


class _Objects:
    def __init__(self, way: str) -> None:
        self.way = way
        self.content: dict[str, bytes] = {}
        self.lock = threading.Lock()

    def put(self, path: str, body: bytes, *, is_new: bool) -> bool:
        """Keep an object; False where it was to be new and is not."""
        if not is_new or self.way == IGNORES:
            self.content[path] = body
            return True
        if self.way == LOOKS_FIRST:
            if path in self.content:
                return False
            time.sleep(0.002)
            self.content[path] = body
            return True
        with self.lock:
            return self.content.setdefault(path, body) is body


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    objects: _Objects

    def do_PUT(self) -> None:
        body = bytes(bytearray(self.rfile.read(int(self.headers.get("Content-Length") or 0))))
        is_new = self.headers.get("If-None-Match") == "*"
        if is_new and self.objects.way == UNKNOWING:
            self._answer(501, _error("NotImplemented"))
        elif self.objects.put(self._path(), body, is_new=is_new):
            self._answer(200)
        else:
            self._answer(412, _error("PreconditionFailed"))

    def do_GET(self) -> None:
        if self._path().count("/") < 2:
            self._answer(200, self._listed())
            return
        body = self.objects.content.get(self._path())
        self._answer(*((404, _error("NoSuchKey")) if body is None else (200, body)))

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        self.objects.content.pop(self._path(), None)
        self._answer(204)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _path(self) -> str:
        return unquote(urlsplit(self.path).path)

    def _listed(self) -> bytes:
        prefix = parse_qs(urlsplit(self.path).query).get("prefix", [""])[0]
        bucket = self._path().strip("/")
        keys = sorted(path.removeprefix(f"/{bucket}/") for path in list(self.objects.content))
        found = "".join(
            f"<Contents><Key>{key}</Key><Size>1</Size></Contents>"
            for key in keys
            if key.startswith(prefix)
        )
        return (
            f"<ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>".encode()
        )

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Last-Modified", formatdate(usegmt=True))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _error(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()


@contextmanager
def running(way: str) -> Iterator[str]:
    """The endpoint of a server that does it `way`."""
    handler = type("Handler", (_Handler,), {"objects": _Objects(way)})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
