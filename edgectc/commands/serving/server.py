"""A small HTTP server for the browser keyboard: only its files, only GET and HEAD."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import ipaddress
import socket
import sys
import threading
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias
from urllib.parse import unquote, urlsplit

from edgectc.commands.serving.pages import Pages

Request: TypeAlias = socket.socket | tuple[bytes, socket.socket]
Address: TypeAlias = tuple[str, int]

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
}
HEADERS = {
    "Cache-Control": "no-cache",  # asked for again, sent again only if changed
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # As the page's own tag, but for the last, which works as a header alone.
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}
MOST_VISITORS = 64  # at a time; a browser opens six connections
LOCAL = ("localhost", "127.0.0.1", "::1")
ANYWHERE = ("0.0.0.0", "::", "")


def own_names(host: str) -> frozenset[str]:
    """Return the names of this machine that a browser may ask for, to serve no other site's page.

    Args:
        host: what the server listens at.
    """
    names = {*LOCAL, host.lower()}
    if host in ANYWHERE:
        here = socket.gethostname().lower()
        names |= {here, f"{here.partition('.')[0]}.local"}
        names |= _addresses(here)
    return frozenset(names - {*ANYWHERE})


def _addresses(name: str) -> set[str]:
    """Return the addresses of this machine: those of its name, and the one it calls others from."""
    found = set()
    with contextlib.suppress(OSError):
        found |= {str(row[4][0]).partition("%")[0] for row in socket.getaddrinfo(name, None)}
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # nothing is sent: it only chooses the interface
        found.add(str(probe.getsockname()[0]))
    return found


def host_of(header: str) -> str:
    """Return the name in a ``Host`` header, without its port and brackets."""
    name = header.strip().lower()
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.partition(":")[0].rstrip(".")


class Server(ThreadingHTTPServer):
    """Serves one model's pages."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, pages: Pages, host: str, port: int) -> None:
        self.pages = pages
        self._sent: dict[str, tuple[bytes, bytes | None, str]] = {}
        self.names = own_names(host)
        self._places = threading.BoundedSemaphore(MOST_VISITORS)
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), _Handler)

    def process_request(self, request: Request, client_address: Address) -> None:
        """Serve one visitor in a thread of its own; one too many is let go."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Request, client_address: Address) -> None:
        """Serve one visitor, and make room."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Request, client_address: Address) -> None:
        """Say nothing of visitors that leave; show what else went wrong."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    @cached_property
    def url(self) -> str:
        """Where this machine finds the page."""
        host, port = self.server_address[:2]
        name = "localhost" if host in ("0.0.0.0", "127.0.0.1", "::", "::1") else str(host)
        return f"http://{f'[{name}]' if ':' in name else name}:{port}/"

    @property
    def network_urls(self) -> tuple[str, ...]:
        """Where phones in this network find the page, to type; none if it listens here alone."""
        host, port = self.server_address[:2]
        if str(host) not in ANYWHERE:
            return ()
        found = []
        for name in sorted(self.names - {*LOCAL}):
            with contextlib.suppress(ValueError):
                address = ipaddress.ip_address(name)
                if address.version == 4 and not address.is_loopback:
                    found.append(f"http://{name}:{port}/")
        return tuple(found)

    def answer(self, address: str, *, small: bool) -> tuple[bytes, bool, str] | None:
        """Return bytes, whether they are gzip, and their tag; None if there is nothing there.

        Args:
            address: relative to the page.
            small: whether gzip is understood, and worth its time: not between one machine and
                itself.
        """
        if address not in self._sent:
            data = self.pages.read(address)
            if data is None:
                return None
            self._sent[address] = (data, None, f'"{hashlib.sha256(data).hexdigest()[:20]}"')
        data, packed, tag = self._sent[address]
        if small and packed is None:
            packed = gzip.compress(data, 5, mtime=0)
            self._sent[address] = (data, packed, tag)
        if small and packed is not None and len(packed) < 0.9 * len(data):
            return packed, True, tag
        return data, False, tag


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    timeout = 20  # seconds without a byte
    server_version, sys_version = "edgectc", ""

    def do_GET(self) -> None:
        self._send(body=True)

    def do_HEAD(self) -> None:
        self._send(body=False)

    def _send(self, *, body: bool) -> None:
        hosts = self.headers.get_all("Host") or []
        # The address that a visitor came to is ours, also one that came later or has no name.
        names = {*self.server.names, str(self.connection.getsockname()[0]).partition("%")[0]}
        if len(hosts) != 1 or host_of(hosts[0]) not in names:
            # Another site's name that leads here would let that site read the page.
            self.send_error(400 if len(hosts) != 1 else 421)
            return
        try:
            address = unquote(urlsplit(self.path).path).removeprefix("/") or "index.html"
        except ValueError:
            self.send_error(400)
            return
        near = self.client_address[0] in ("127.0.0.1", "::1")
        understood = "gzip" in self.headers.get("Accept-Encoding", "")
        found = self.server.answer(address, small=understood and not near)
        if found is None:
            self.send_error(404)
            return
        data, packed, tag = found
        same = self.headers.get("If-None-Match") == tag
        self.send_response(304 if same else 200)
        suffix = address[address.rfind(".") :]
        self.send_header("Content-Type", TYPES.get(suffix, "application/octet-stream"))
        self.send_header("ETag", tag)
        self.send_header("Vary", "Accept-Encoding")
        if packed:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", "0" if same else str(len(data)))
        self.end_headers()
        if body and not same:
            self.wfile.write(data)

    def end_headers(self) -> None:
        """End the headers of every answer, also of an error, with those that all have."""
        if self.request_version != "HTTP/0.9":
            for name, value in HEADERS.items():
                self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the terminal shows the address alone."""
