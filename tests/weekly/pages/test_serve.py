from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from opslib.weekly.pages.serve import LOOPBACK, ReviewError, address_of, open_server
from tests.weekly.ctrl_c import hear_ctrl_c


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    folder = tmp_path / "reports"
    (folder / "2026-W46" / "us-general").mkdir(parents=True)
    (folder / "index.html").write_text("front", encoding="utf-8")
    (folder / "2026-W46" / "index.html").write_text("week", encoding="utf-8")
    (folder / "2026-W46" / "us-general" / "weekly_review.html").write_text("report ü", encoding="utf-8")
    (folder / "2026-W46" / ".secret.html").write_text("hidden", encoding="utf-8")
    (folder / "2026-W46" / "notes.py").write_text("code", encoding="utf-8")
    (tmp_path / "outside.html").write_text("outside", encoding="utf-8")
    return folder


@pytest.fixture
def port(reports: Path) -> Iterator[int]:
    server = open_server(reports, 0)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield int(server.server_address[1])
    server.shutdown()
    thread.join()
    server.server_close()


def answer(
    port: int, path: str, *, host: str | None = None, method: str = "GET", cookie: str | None = None
) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("Host", host or f"{LOOPBACK}:{port}")
    if cookie is not None:
        connection.putheader("Cookie", cookie)
    connection.endheaders()
    response = connection.getresponse()
    received = (response.status, dict(response.getheaders()), response.read().decode())
    connection.close()
    return received


def test_a_report_comes_with_its_type_and_with_what_keeps_other_sites_out(port: int) -> None:
    status, headers, body = answer(port, "/2026-W46/us-general/weekly_review.html?week=1")
    assert (status, body) == (200, "report ü")
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "SAMEORIGIN"
    assert headers["Content-Security-Policy"] == "frame-ancestors 'self'"
    assert headers["Cache-Control"] == "no-store"
    assert "Python" not in headers["Server"]


def test_a_folder_gives_its_index_and_is_never_listed(port: int) -> None:
    assert answer(port, "/")[2] == "front"
    assert answer(port, "/2026-W46/")[2] == "week"
    status, headers, _ = answer(port, "/2026-W46")
    assert (status, headers["Location"]) == (301, "/2026-W46/")
    assert answer(port, "/2026-W46/us-general/")[0] == 404


def test_with_a_token_only_who_was_given_the_address_reads_anything(reports: Path) -> None:
    with open_server(reports, 0, token="s3cret-of_the.run") as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        port = int(server.server_address[1])
        try:
            assert address_of(server) == f"http://{LOOPBACK}:{port}/?token=s3cret-of_the.run"
            for path in ("/", "/2026-W46/", "/nothing", "/?token=", "/?token=s3cret", "/?token=s3cret-of_the.run%FC"):
                status, headers, body = answer(port, path)
                assert (status, "front" in body, "Set-Cookie" in headers) == (403, False, False)
            status, headers, _ = answer(port, "//evil.example/%5C/2026-W46/?token=s3cret-of_the.run")
            assert (status, headers["Location"]) == (303, "/evil.example/%5C/2026-W46/")
            cookie = headers["Set-Cookie"].split(";")[0]
            assert "HttpOnly" in headers["Set-Cookie"]
            assert answer(port, "/2026-W46/", cookie=cookie)[2] == "week"
            assert answer(port, "/2026-W46/", cookie=f"{cookie}x")[0] == 403
            assert answer(port, "/2026-W46/", cookie="nonsense;;=\x01")[0] == 403
            assert answer(port, "/", host="evil.example", cookie=cookie)[0] == 403
        finally:
            server.shutdown()
            thread.join()


def test_a_redirect_never_leads_to_another_host(port: int) -> None:
    """`//host` in a Location would be another machine."""
    assert answer(port, "//2026-W46")[1]["Location"] == "/2026-W46/"


@pytest.mark.parametrize(
    "path",
    [
        "/../outside.html",
        "/%2e%2e/outside.html",
        "/2026-W46/../../outside.html",
        "/2026-W46/%2e%2e%2f%2e%2e%2foutside.html",
        "/..%5coutside.html",
        "//etc/passwd",
        "/linked.html",
        "/2026-W46/.secret.html",
        "/2026-W46/notes.py",
        "/index.html%00.png",
        "/index.html/",
    ],
)
def test_nothing_is_given_out_but_the_pages_of_the_folder(path: str, reports: Path, port: int) -> None:
    (reports / "linked.html").symlink_to(reports.parent / "outside.html")
    assert answer(port, path)[0] == 404


@pytest.mark.parametrize("host", ["attacker.example", "attacker.example:{port}", "192.168.0.7:{port}", "127.0.0.1:1"])
def test_a_request_for_another_host_is_refused(host: str, port: int) -> None:
    """A page of the web whose name is made to point at 127.0.0.1 would else read the reports (DNS rebinding)."""
    status, _, body = answer(port, "/", host=host.format(port=port))
    assert status == 403
    assert "front" not in body


def test_localhost_is_this_machine_too(port: int) -> None:
    assert answer(port, "/", host=f"localhost:{port}")[0] == 200


def test_only_reading_is_possible(port: int) -> None:
    assert answer(port, "/", method="HEAD")[0] == 200
    assert answer(port, "/", method="POST")[0] == 501
    assert answer(port, "/", method="DELETE")[0] == 501


def test_the_next_free_port_is_busy_port_where_one_is_in_use(reports: Path) -> None:
    with open_server(reports, 0) as first:
        busy_port = int(first.server_address[1])
        with open_server(reports, busy_port) as second:
            assert second.server_address[0] == LOOPBACK
            assert busy_port < int(second.server_address[1]) < busy_port + 20
            assert address_of(second) == f"http://127.0.0.1:{second.server_address[1]}/"


def test_a_folder_without_reports_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ReviewError, match="make weekly"):
        open_server(tmp_path)


def test_ctrl_c_ends_it_cleanly(reports: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from opslib.weekly.pages.serve import serve; serve(Path(sys.argv[1]), 0)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(reports)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear_ctrl_c,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert answer(int(line.split(":")[2].split("/")[0]), "/")[2] == "front"
        os.kill(process.pid, signal.SIGINT)
        _, complaints = process.communicate(timeout=5)
    finally:
        process.kill()
    assert process.returncode == 0
    assert complaints == ""
