"""A small HTTP server for the browser keyboard: only its files, only GET and HEAD."""

from __future__ import annotations

import gzip
import hashlib
import socket
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from edgectc.commands.serving.pages import Pages

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
}


class Server(ThreadingHTTPServer):
    """Serves one model's pages."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, pages: Pages, host: str, port: int) -> None:
        self.pages = pages
        self._sent: dict[str, tuple[bytes, bytes | None, str]] = {}
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), _Handler)

    @cached_property
    def url(self) -> str:
        """Where this machine finds the page."""
        host, port = self.server_address[:2]
        name = "localhost" if host in ("0.0.0.0", "127.0.0.1", "::", "::1") else str(host)
        return f"http://{f'[{name}]' if ':' in name else name}:{port}/"

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
    timeout = 60

    def do_GET(self) -> None:
        self._send(body=True)

    def do_HEAD(self) -> None:
        self._send(body=False)

    def _send(self, *, body: bool) -> None:
        address = unquote(urlsplit(self.path).path).removeprefix("/") or "index.html"
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
        for name, value in HEADERS.items():
            self.send_header(name, value)
        if packed:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", "0" if same else str(len(data)))
        self.end_headers()
        if body and not same:
            self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the terminal shows the address alone."""
