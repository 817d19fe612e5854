"""`edgectc demo` as another machine of the network finds it: in network namespaces of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SERVER = """
import sys
from pathlib import Path
from edgectc.commands import cli
from edgectc.commands.serving import pages
pages.SITE = Path(sys.argv[1])
sys.exit(cli.main(["demo", "--host", sys.argv[2], "--port", "8321"]))
"""
# Waits for the server, then asks; prints one answer a line.
CLIENT = """
import http.client, json, sys, time
address, wait = sys.argv[1], float(sys.argv[2])
def ask(host, path="/", method="GET"):
    try:
        visit = http.client.HTTPConnection(address, 8321, timeout=5)
        visit.putrequest(method, path, skip_host=True)
        visit.putheader("Host", host)
        visit.endheaders()
        answer = visit.getresponse()
        return [answer.status, answer.read(200).decode("latin-1")]
    except OSError as error:
        return [0, type(error).__name__]
end = time.monotonic() + wait
while ask(address)[0] == 0 and time.monotonic() < end:
    time.sleep(0.2)
asked = json.loads(sys.argv[3])
print(json.dumps([ask(*one) for one in asked]))
"""
# A network of two machines: the server's is this namespace, the visitor's another one.
NETWORK = """
set -e
ip link set lo up
unshare --net sleep 300 &
visitor=$!
trap 'kill $visitor $server 2> /dev/null' EXIT
while [ "$(readlink /proc/$visitor/ns/net)" = "$(readlink /proc/$$/ns/net)" ]; do sleep 0.05; done
ip link add name here type veth peer name there netns $visitor
ip address add 10.199.7.1/24 dev here
ip link set here up
nsenter --target $visitor --net ip address add 10.199.7.2/24 dev there
nsenter --target $visitor --net ip link set there up
"$PYTHON" -c "$SERVER" "$SITE" "$LISTEN" > "$SITE/../said" 2>&1 &
server=$!
nsenter --target $visitor --net "$PYTHON" -c "$CLIENT" 10.199.7.1 "$WAIT" "$ASKED"
"""
PAGES = [("10.199.7.1", "/"), ("10.199.7.1:8321", "/app/main.js"), ("10.199.7.1", "/app/main.js")]
REFUSED = [
    ("evil.example", "/"), ("10.199.7.2", "/"), ("10.199.7.1", "/../secret"),
    ("10.199.7.1", "/%2e%2e/secret"), ("10.199.7.1", "/model/bundle.json"),
    ("10.199.7.1", "/", "POST"),
]  # fmt: skip


def _works() -> bool:
    if not all(map(shutil.which, ("unshare", "nsenter", "ip"))):
        return False
    link = ["ip", "link", "add", "name", "one", "type", "veth", "peer", "name", "two"]
    return not subprocess.run(["unshare", "--net", *link], capture_output=True).returncode


network = pytest.mark.skipif(not _works(), reason="no network namespaces can be made here")


def _answers(tmp_path: Path, listen: str, asked: list[tuple[str, ...]], wait: int) -> list[list]:
    site = tmp_path / "site"
    (site / "app").mkdir(parents=True)
    (site / "index.html").write_text("<h1>keyboard</h1>")
    (site / "app" / "main.js").write_text("1;")
    (tmp_path / "secret").write_text("secret")
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", NETWORK],
        env={
            **os.environ, "PYTHON": sys.executable, "SERVER": SERVER, "CLIENT": CLIENT,
            "SITE": str(site), "LISTEN": listen, "ASKED": json.dumps(asked), "WAIT": str(wait),
        },
        capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    said = (tmp_path / "said").read_text()
    assert done.returncode == 0, f"{done.stderr}{said}"
    assert "Traceback" not in said
    answers = json.loads(done.stdout)
    assert isinstance(answers, list)
    return answers


@network
def test_a_phone_of_the_network_gets_the_page_and_nothing_else(tmp_path: Path) -> None:
    answers = _answers(tmp_path, "0.0.0.0", [*PAGES, *REFUSED], wait=90)
    served, refused = answers[: len(PAGES)], answers[len(PAGES) :]
    assert served == [[200, "<h1>keyboard</h1>"], [200, "1;"], [200, "1;"]]
    assert [code for code, _ in refused] == [421, 421, 404, 404, 404, 501]
    assert not any("secret" in text or "keyboard" in text for _, text in refused)


@network
@pytest.mark.slow
def test_by_default_nobody_else_gets_in(tmp_path: Path) -> None:
    answers = _answers(tmp_path, "127.0.0.1", [("10.199.7.1", "/"), ("localhost", "/")], wait=15)
    assert answers == [[0, "ConnectionRefusedError"], [0, "ConnectionRefusedError"]]
    assert "at http://localhost:8321/" in (tmp_path / "said").read_text()
