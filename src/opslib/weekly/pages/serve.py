"""The reports over HTTP on this machine only, for browsers that dislike files."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from hmac import compare_digest
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseRequestHandler, TCPServer
from typing import BinaryIO, cast
from urllib.parse import parse_qs, quote, unquote, urlsplit

from opslib.errors import OpslibError

LOOPBACK = "127.0.0.1"
PORTS_TRIED = 20
_TOKEN = "token"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".json": "application/json; charset=utf-8",
    ".md": "text/markdown; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".pdf": "application/pdf",
    ".eml": "message/rfc822",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}
# The pages bring a policy of their own, by the hashes of their scripts; this one keeps other sites from framing them.
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'self'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
}


class ReviewError(OpslibError):
    """The reports cannot be served."""


def serve(
    reports: Path, port: int = 8765, on_ready: Callable[[str], None] | None = None, *, token: str | None = None
) -> None:
    """Serve a folder of reports on 127.0.0.1 until Ctrl-C.

    Args:
        reports: the folder; nothing outside it is given out, and no folder is listed.
        port: where to listen; the next free one is taken where it is in use.
        on_ready: told the address once the server answers; without it the address is printed.
        token: as `open_server` takes it.

    Raises:
        ReviewError: there is no such folder or no report in it, or no port is free.
    """
    with open_server(reports, port, token=token) as server:
        (on_ready or _print_address)(address_of(server))
        try:
            server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            return


def open_server(reports: Path, port: int = 8765, *, token: str | None = None) -> ThreadingHTTPServer:
    """The server that `serve` runs, listening but not yet answering.

    Args:
        reports: the folder.
        port: the first port to try; 0 takes any that is free.
        token: what a browser has to show, in the address or, from then on, as a cookie: 127.0.0.1 is everybody's who
            works on this machine. None where the machine is one's own.

    Returns:
        A server to be closed by the caller.

    Raises:
        ReviewError: there is no such folder or no report in it, or no port is free.
    """
    root = reports.resolve()
    if not (root / "index.html").is_file():
        raise ReviewError(f"there is no report in {reports}; `make weekly` writes some")
    last = min(port + PORTS_TRIED, 65536)
    for candidate in range(port, last) if port else (0,):
        try:
            return _Server((LOOPBACK, candidate), partial(_Handler, root=root), token)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
    raise ReviewError(f"the ports {port} to {last - 1} are all in use; name another")


def address_of(server: ThreadingHTTPServer) -> str:
    """Where the server answers, with its token if it wants one: `http://127.0.0.1:8765/`."""
    token = cast(_Server, server).token
    return f"http://{LOOPBACK}:{server.server_address[1]}/{f'?{_TOKEN}={quote(token)}' if token else ''}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # On Windows it would let two servers listen on one port.
    allow_reuse_address = os.name != "nt"

    def __init__(self, address: tuple[str, int], handler: Callable[..., BaseRequestHandler], token: str | None) -> None:
        self.token = token
        super().__init__(address, handler)

    @property
    def cookie(self) -> str:
        """The name of the cookie that holds the token; browsers do not tell ports apart."""
        return f"opslib-{self.server_port}"

    def server_bind(self) -> None:
        """Without the look-up of this machine's name, which waits for a name server."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = LOOPBACK, int(self.server_address[1])


class _Handler(SimpleHTTPRequestHandler):
    """Files of one folder, to requests that were sent to this machine by name."""

    server_version = "opslib"
    sys_version = ""
    timeout = 30

    def __init__(self, *args: object, root: Path) -> None:
        self._root = root
        super().__init__(*args, directory=str(root))  # type: ignore[arg-type]

    def send_head(self) -> BinaryIO | None:
        """The file at the address, or the answer why not."""
        if not self._is_for_this_machine():
            self.send_error(HTTPStatus.FORBIDDEN, "Only 127.0.0.1 and localhost are served")
            return None
        token, shown = cast(_Server, self.server).token, self._token_in_address()
        if token is not None and shown is not None and compare_digest(shown.encode(), token.encode()):
            self._keep(token)
            return None
        if token is not None and not compare_digest(self._token_in_cookie().encode(), token.encode()):
            self.send_error(HTTPStatus.FORBIDDEN, "Open the address that opslib review has printed, with its token")
            return None
        path = self._wanted()
        if path is None:
            self.send_error(HTTPStatus.NOT_FOUND, "There is no such page")
            return None
        if path.is_dir():
            self.send_response(HTTPStatus.MOVED_PERMANENTLY)
            self.send_header("Location", f"/{quote(path.relative_to(self._root).as_posix())}/")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None
        stream = path.open("rb")
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", _TYPES[path.suffix])
        self.send_header("Content-Length", str(os.fstat(stream.fileno()).st_size))
        self.end_headers()
        return stream

    def _token_in_address(self) -> str | None:
        return next(iter(parse_qs(urlsplit(self.path).query).get(_TOKEN, [])), None)

    def _token_in_cookie(self) -> str:
        cookies = SimpleCookie()
        with suppress(CookieError):
            cookies.load(self.headers.get("Cookie", ""))
        kept = cookies.get(cast(_Server, self.server).cookie)
        return "" if kept is None else kept.value

    def _keep(self, token: str) -> None:
        """Have the browser keep the token, out of sight of the pages and of its history."""
        path = "/" + quote(unquote(urlsplit(self.path).path).lstrip("/\\"))
        self.send_response(HTTPStatus.SEE_OTHER)
        self.send_header("Set-Cookie", f"{cast(_Server, self.server).cookie}={token}; HttpOnly; SameSite=Lax; Path=/")
        self.send_header("Location", path)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def end_headers(self) -> None:
        """With what keeps other sites out."""
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: who reads which report is nobody's business."""

    def _is_for_this_machine(self) -> bool:
        """Whether the Host header names this server; a page of the web that rebinds its name to 127.0.0.1 does not."""
        port = cast(_Server, self.server).server_port
        return self.headers.get("Host", "") in {f"{name}:{port}" for name in (LOOPBACK, "localhost")}

    def _wanted(self) -> Path | None:
        """The file, or the folder that lacks its closing slash; None for all that is not given out."""
        address = unquote(urlsplit(self.path).path)
        parts = [part for part in address.split("/") if part]
        if "\0" in address or "\\" in address or any(part.startswith(".") for part in parts):
            return None
        path = self._root.joinpath(*parts)
        if path.is_dir():
            if not (path / "index.html").is_file():
                return None
            if not address.endswith("/"):
                return path if path.resolve().is_relative_to(self._root) else None
            path /= "index.html"
        real = path.resolve()
        fits = real.is_file() and real.is_relative_to(self._root) and real.suffix in _TYPES
        return real if fits and not address.endswith(f"{path.name}/") else None


def _print_address(address: str) -> None:
    print(f"reports at {address} (Ctrl-C ends)", flush=True)
