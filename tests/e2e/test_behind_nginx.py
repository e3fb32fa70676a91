"""TLS by the example of nginx in front of a real dashboard: pages through it, nothing that is not for the network."""

import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from playwright.sync_api import Browser, expect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from app.dashboard.person import COOKIE
from app.supervision import Service, crew, free_port
from core.store import Store
from tests.app.boards import cheap_store
from tests.e2e.conftest import ROOT, SLOWEST_MS, settle

EXAMPLE = ROOT / "deploy/nginx/shiftwatch.conf"
NAME = "console.localhost"
STREAM = "/_stcore/stream"


@dataclass(frozen=True)
class Front:
    """Where nginx listens, the certificate that it shows, and the dashboard behind it."""

    tls: int
    plain: int
    certificate: Path
    dashboard: int

    @property
    def url(self) -> str:
        return f"https://{NAME}:{self.tls}"

    def trusting(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.certificate))

    def get(self, path: str, **options: object) -> httpx.Response:
        """Ask nginx, by its name, as a client that knows its certificate."""
        with httpx.Client(verify=self.trusting(), timeout=60) as client:
            return client.get(
                f"https://127.0.0.1:{self.tls}{path}",
                headers={"Host": f"{NAME}:{self.tls}"} | dict(options.get("headers", {})),  # type: ignore[call-overload]
                extensions={"sni_hostname": NAME},
            )

    def stream(self, origin: str, host: str = NAME, path: str = STREAM) -> bool:
        """Whether a page of ``origin`` may open the WebSocket; raises InvalidStatus if it is refused."""
        with connect(
            f"wss://{host}:{self.tls}{path}",
            ssl=self.trusting(),
            server_hostname=host,
            origin=origin,  # type: ignore[arg-type]
            subprotocols=[Subprotocol("streamlit")],
            sock=_socket(self.tls),
        ) as opened:
            return opened.subprotocol == "streamlit"


def _socket(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=60)


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    if not Path(nginx).exists():
        pytest.skip("no nginx on this machine (Debian: apt-get install nginx-light)")
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("nginx")
    with Store.open(f"sqlite:///{home / 'shiftwatch.db'}", home / "artefacts") as store:
        cheap_store(store)
    made = Front(free_port(0), free_port(0), folder / "console.pem", free_port(0))
    make_certificate(folder)
    (folder / "nginx.conf").write_text(configuration(made, folder))
    with crew(folder) as members:
        script = str(ROOT / "app/dashboard/main.py")
        command = [sys.executable, "-m", "streamlit", "run", script, f"--server.port={made.dashboard}"]
        environment = {
            "SHIFTWATCH_HOME": str(home),
            "PYTHONPATH": str(ROOT),
            "STREAMLIT_SERVER_ALLOWED_HOSTS": f"{NAME} 127.0.0.1",
        }
        members.start(Service("dashboard", command, environment, f"http://127.0.0.1:{made.dashboard}/_stcore/health"))
        members.start(Service("nginx", [nginx, "-p", str(folder), "-c", str(folder / "nginx.conf")]))
        members.wait_ready("dashboard", timeout_s=180)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            members.check("nginx")
            try:
                _socket(made.tls).close()
                break
            except OSError:
                time.sleep(0.1)
        yield made


def configuration(made: Front, folder: Path) -> str:
    """The example with this test's name, files and ports."""
    text = EXAMPLE.read_text(encoding="utf-8")
    for what, how in (
        ("https://console.example", f"https://{NAME}:{made.tls}"),
        ("console.example", NAME),
        ("https://$host$request_uri", f"https://$host:{made.tls}$request_uri"),
        ("listen 443", f"listen 127.0.0.1:{made.tls}"),
        ("listen 80", f"listen 127.0.0.1:{made.plain}"),
        ("/etc/ssl/certs/", f"{folder}/"),
        ("/etc/ssl/private/", f"{folder}/"),
        ("127.0.0.1:8501", f"127.0.0.1:{made.dashboard}"),
    ):
        assert what in text
        text = text.replace(what, how)
    temporary = "\n".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return (
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}}\n"
        f"http {{ access_log off; {temporary}\n{text}}}\n"
    )


def make_certificate(folder: Path) -> None:
    """A certificate that signs itself, for this test."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "console.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    (folder / "console.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )


@pytest.mark.e2e
def test_a_page_is_drawn_through_tls_and_only_shows(front: Front, browser: Browser) -> None:
    context = browser.new_context(ignore_https_errors=True)
    context.set_default_timeout(SLOWEST_MS)
    try:
        context.add_cookies([{"name": COOKIE, "value": "Anna", "url": front.url}])
        page = context.new_page()
        page.goto(f"{front.url}/alarms?alarm=1")
        settle(page)
        # Nobody told the dashboard that it is published: that a proxy is before it is enough.
        expect(page.get_by_text("it only shows").first).to_be_visible(timeout=SLOWEST_MS)
        cookies = {cookie["name"]: cookie for cookie in context.cookies()}
        assert cookies["_streamlit_xsrf"]["sameSite"] == "Strict"
    finally:
        context.close()


def test_plain_http_is_sent_to_tls_and_pages_are_told_to_stay_there(front: Front) -> None:
    answer = httpx.get(f"http://127.0.0.1:{front.plain}/alarms?alarm=3", headers={"Host": NAME})
    assert (answer.status_code, answer.headers["Location"]) == (308, f"{front.url}/alarms?alarm=3")
    page = front.get("/")
    assert page.status_code == 200
    assert "max-age" in page.headers["Strict-Transport-Security"]
    assert page.headers["X-Frame-Options"] == "SAMEORIGIN"


@pytest.mark.parametrize("path", ["/metrics", "/_stcore/metrics", "/its/_stcore/metrics", "/_stcore/agent/sessions"])
def test_figures_of_the_program_are_not_for_the_network(front: Front, path: str) -> None:
    assert front.get(path).status_code == 404


def test_only_pages_of_the_console_may_open_its_websocket(front: Front) -> None:
    assert front.stream(front.url)
    for origin in ("https://evil.example", f"http://{NAME}:{front.tls}", "null"):
        with pytest.raises(InvalidStatus) as refused:
            front.stream(origin)
        assert refused.value.response.status_code == 403


def test_who_comes_by_another_name_gets_no_certificate(front: Front) -> None:
    with pytest.raises(ssl.SSLError), front.trusting().wrap_socket(_socket(front.tls), server_hostname="evil.example"):
        pass


@pytest.mark.parametrize(("host", "welcome"), [("evil.example", False), ("127.0.0.1", True)])
def test_the_dashboard_itself_refuses_names_that_are_not_its_own(front: Front, host: str, welcome: bool) -> None:
    address, origin = f"ws://{host}:{front.dashboard}{STREAM}", f"http://{host}:{front.dashboard}"
    options = {"origin": origin, "subprotocols": [Subprotocol("streamlit")], "sock": _socket(front.dashboard)}
    if welcome:
        with connect(address, **options) as opened:  # type: ignore[arg-type]
            assert opened.subprotocol == "streamlit"
        return
    with pytest.raises(InvalidStatus) as refused:
        connect(address, **options)  # type: ignore[arg-type]
    assert refused.value.response.status_code == 403


def test_files_are_taken_only_with_the_token_against_forged_requests(front: Front) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{front.dashboard}", timeout=60) as client:
        asked = client.put("/_stcore/upload_file/session/file", files={"file": b"x"})
        assert asked.status_code == 403
        assert "XSRF" in asked.text


def test_the_example_is_taken_by_nginx_as_it_is(tmp_path: Path) -> None:
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    if not Path(nginx).exists():
        pytest.skip("no nginx on this machine (Debian: apt-get install nginx-light)")
    make_certificate(tmp_path)
    text = EXAMPLE.read_text().replace("/etc/ssl/certs/", f"{tmp_path}/").replace("/etc/ssl/private/", f"{tmp_path}/")
    (tmp_path / "n.conf").write_text(f"pid {tmp_path}/pid; events {{}} http {{ {text} }}")
    done = subprocess.run(
        [nginx, "-t", "-q", "-c", str(tmp_path / "n.conf"), "-g", f"error_log {tmp_path}/e.log;"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )
    assert done.returncode == 0, done.stderr
