"""The server of the browser keyboard, as strangers meet it: raw bytes, other names, no manners."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgectc.commands.serving import server as serving
from edgectc.commands.serving.pages import Pages
from edgectc.commands.serving.server import HEADERS, Server, host_of, own_names

WEB = Path(__file__).parents[2] / "web_demo"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "index.html").write_text("<h1>keyboard</h1>")
    made = Server(Pages("m", {"index.html": tmp_path / "index.html"}, b"{}", b"{}"), "127.0.0.1", 0)
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def visitor(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.server_address[1]), timeout=10)


def ask(server: Server, text: str) -> bytes:
    with visitor(server) as sock:
        sock.sendall(text.encode("latin-1"))
        answer = b""
        while more := sock.recv(65536):
            answer += more
    return answer


def get(server: Server, host: str, path: str = "/") -> bytes:
    return ask(server, f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8321", "127.0.0.1", "127.0.0.1:1", "[::1]:8321", "localhost."]
)
def test_its_own_names_are_answered(server: Server, host: str) -> None:
    assert get(server, host).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8321", "127.0.0.1.evil.example", "[::2]", "[", "10.0.0.1"],
)
def test_other_names_are_not(server: Server, host: str) -> None:
    answer = get(server, host)
    assert answer.startswith(b"HTTP/1.1 421 ")
    assert b"keyboard" not in answer


def test_a_server_for_phones_answers_to_the_addresses_of_this_machine() -> None:
    assert own_names("192.168.1.5") == {"localhost", "127.0.0.1", "::1", "192.168.1.5"}
    names = own_names("0.0.0.0")
    assert socket.gethostname().lower() in names
    assert "0.0.0.0" not in names
    assert "" not in names
    assert host_of(" [FE80::1]:80 ") == "fe80::1"


def test_phones_are_told_addresses_that_the_server_answers_at(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert server.network_urls == ()  # it listens here alone
    names = frozenset(
        {"localhost", "127.0.0.1", "box.local", "192.168.1.5", "fe80::1", "127.0.1.1"}
    )
    monkeypatch.setattr("edgectc.commands.serving.server.own_names", lambda host: names)
    made = Server(Pages("m", {}, b"{}", b"{}"), "0.0.0.0", 0)
    made.server_close()
    assert made.network_urls == (f"http://192.168.1.5:{made.server_address[1]}/",)


@pytest.mark.parametrize(
    ("request_text", "code"),
    [
        ("GET http://[ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\nConnection: close\r\n\r\n", 400),
        ("GET / HTTP/x\r\n\r\n", 400),
        ("rubbish\r\n\r\n", 400),
        ("GET /" + "a" * 70000 + " HTTP/1.1\r\n\r\n", 414),
        ("GET / HTTP/9.9\r\n\r\n", 505),
        ("PUT / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 501),
        ("GET /none HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 404),
        ("GET /%00 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 404),
        ("GET /" + "\xff" * 9 + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 404),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 200),
    ],
    ids=lambda value: repr(value[:24]) if isinstance(value, str) else str(value),
)
def test_every_answer_has_its_code_and_the_headers_of_all(
    server: Server, capfd: pytest.CaptureFixture[str], request_text: str, code: int
) -> None:
    answer = ask(server, request_text).decode("latin-1")
    assert re.search(rf"(HTTP/1.1 |Error code: ){code}\b", answer)
    if answer.startswith("HTTP/"):
        for name, value in HEADERS.items():
            assert answer.count(f"\r\n{name}: {value}\r\n") == 1
    assert capfd.readouterr() == ("", "")


def test_the_policy_of_the_page_is_that_of_the_header() -> None:
    page = (WEB / "src/index.html").read_text(encoding="utf-8")
    (tag,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', page)
    assert HEADERS["Content-Security-Policy"] == f"{tag}; frame-ancestors 'none'"


def test_visitors_that_leave_print_nothing(
    server: Server, capfd: pytest.CaptureFixture[str]
) -> None:
    for half in ("", "GET / HT", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"):
        for _ in range(10):
            sock = visitor(server)
            # Close with a reset, not with a farewell.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            sock.sendall(half.encode())
            sock.close()
    assert get(server, "localhost").startswith(b"HTTP/1.1 200 ")
    assert capfd.readouterr() == ("", "")


def test_visitors_are_bounded_in_number_and_time(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving._Handler, "timeout", 0.5)
    silent = [visitor(server) for _ in range(serving.MOST_VISITORS)]
    with visitor(server) as one_more:
        assert one_more.recv(1) == b""  # let go at once
    for sock in silent:
        with sock:
            assert sock.recv(1) == b""  # after its time
    assert get(server, "localhost").startswith(b"HTTP/1.1 200 ")
