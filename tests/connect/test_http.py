import gzip
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from hub.connect.api import Connection
from hub.connect.guard import Guard
from hub.connect.http import HttpSettings, Outbound
from hub.errors import PermanentError, TransientError, UncertainError

CONNECTION = Connection("acme", "acme", {}, {"key": ("hush-hush-hush",)})


@pytest.fixture
def make(server):
    made = []

    def make(**settings):
        extra = {name: settings.pop(name) for name in ("observe", "monotonic", "guard") if name in settings}
        outbound = Outbound(HttpSettings(**{"allowed": ("127.0.0.1",), "read_timeout": 5.0, **settings}), **extra)
        made.append(outbound)
        return outbound

    yield make
    for outbound in made:
        outbound.close()


def test_sends_method_query_headers_and_json_and_gives_the_answer(server, make):
    server.handler = lambda received, out: server.answer(out, 201, b'{"ok": true}', X_Extra="1")
    response = (
        make()
        .client(CONNECTION)
        .request(
            "post", f"{server.url}/a?x=1", params=[("b", "ä &"), ("b", "2")], headers={"X-Own": "1"}, json={"a": [1]}
        )
    )
    assert (response.status, response.json(), response.headers["x-extra"]) == (201, {"ok": True}, "1")
    received = server.received[0]
    assert (received.method, received.path, received.body) == ("POST", "/a?x=1&b=%C3%A4+%26&b=2", b'{"a":[1]}')
    assert received.headers["content-type"] == "application/json"
    assert received.headers["user-agent"].startswith("ConnectorHub/")


def test_sends_a_form(server, make):
    make().client(CONNECTION).request("POST", server.url, form={"a": "1 2", "b": "ä"})
    assert server.received[0].body == b"a=1+2&b=%C3%A4"
    assert server.received[0].headers["content-type"] == "application/x-www-form-urlencoded"


def test_an_error_status_is_an_answer(server, make):
    server.handler = lambda received, out: server.answer(out, 422, b"no")
    assert make().client(CONNECTION).request("GET", server.url).status == 422


def test_calls_of_one_connection_share_a_kept_alive_socket(server, make):
    outbound = make()
    for _ in range(3):
        outbound.client(CONNECTION).request("GET", server.url)
    assert len({received.connection for received in server.received}) == 1


def test_many_threads_may_call_at_once(server, make):
    outbound = make()
    with ThreadPoolExecutor(8) as pool:
        statuses = list(
            pool.map(lambda n: outbound.client(CONNECTION).request("GET", f"{server.url}/{n}").status, range(64))
        )
    assert statuses == [200] * 64
    assert {received.path for received in server.received} == {f"/{n}" for n in range(64)}


def test_a_compressed_answer_is_unpacked(server, make):
    server.handler = lambda received, out: server.answer(out, 200, gzip.compress(b'{"a": 1}'), Content_Encoding="gzip")
    assert make().client(CONNECTION).request("GET", server.url).json() == {"a": 1}


def test_cookies_are_not_kept(server, make):
    server.handler = lambda received, out: server.answer(out, 200, b"{}", Set_Cookie="session=1")
    outbound = make()
    outbound.client(CONNECTION).request("GET", server.url)
    outbound.client(CONNECTION).request("GET", server.url)
    assert "cookie" not in server.received[1].headers


def test_an_answer_that_is_not_json_is_transient_when_json_is_wanted(server, make):
    server.handler = lambda received, out: server.answer(out, 200, b"<html>", Content_Type="text/html")
    response = make().client(CONNECTION).request("GET", server.url)
    with pytest.raises(TransientError) as error:
        response.json()
    assert error.value.code == "bad_answer"


@pytest.mark.parametrize("packed", [False, True])
def test_an_answer_over_the_limit_is_refused_unpacked_size_counting(server, make, packed):
    body = b"0" * 200_000
    headers = {"Content_Encoding": "gzip"} if packed else {}
    server.handler = lambda received, out: server.answer(out, 200, gzip.compress(body) if packed else body, **headers)
    client = make(largest_answer=100_000).client(CONNECTION)
    with pytest.raises(PermanentError) as error:
        client.request("GET", server.url)
    assert error.value.code == "too_large"
    with pytest.raises(UncertainError):
        client.request("POST", server.url)


def test_an_inner_address_is_refused_when_the_connection_is_opened(server):
    outbound = Outbound(HttpSettings())
    with pytest.raises(PermanentError) as error:
        outbound.client(CONNECTION).request("GET", server.url)
    assert error.value.code == "blocked_address"
    assert server.received == []


def test_the_connection_goes_to_the_judged_address_whatever_the_name_resolves_to_later(server, make):
    asked = []

    def resolve(host, port):
        asked.append(host)
        return ("127.0.0.1",) if len(asked) == 1 else ("10.0.0.1",)

    guard = Guard(["127.0.0.1"], resolve=resolve)
    outbound = make(guard=guard)
    url = f"http://rebinding.example:{server.port}/"
    assert outbound.client(CONNECTION).request("GET", url).status == 200
    assert outbound.client(CONNECTION).request("GET", url).status == 200
    outbound.forget("acme")
    with pytest.raises(PermanentError, match=r"10\.0\.0\.1"):
        outbound.client(CONNECTION).request("GET", url)
    assert asked == ["rebinding.example"] * 2
    assert server.received[0].headers["host"] == f"rebinding.example:{server.port}"


def test_proxies_of_the_environment_are_not_used(server, make, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert make().client(CONNECTION).request("GET", server.url).status == 200


def redirect(server, status, location):
    def handler(received, out):
        if received.path == "/start":
            server.answer(out, status, b"", Location=location)
        else:
            server.answer(out, 200, b"{}")

    server.handler = handler


def test_redirects_are_off_unless_asked_for(server, make):
    redirect(server, 302, "/end")
    assert make().client(CONNECTION).request("GET", f"{server.url}/start").status == 302


@pytest.mark.parametrize(
    ("status", "method", "body"), [(302, "GET", b""), (303, "GET", b""), (307, "POST", b"{}"), (308, "POST", b"{}")]
)
def test_a_redirect_keeps_or_changes_the_method_as_the_status_says(server, make, status, method, body):
    redirect(server, status, "/end")
    make().client(CONNECTION).request("POST", f"{server.url}/start", body=b"{}", follow_redirects=True)
    assert (server.received[1].method, server.received[1].body) == (method, body)


def test_credentials_stay_on_a_redirect_within_the_host_and_go_nowhere_else(server, make):
    headers = {"Authorization": "Bearer x", "X-Own-Key": "k", "Accept": "a/b"}
    redirect(server, 302, "/end")
    make().client(CONNECTION).request("GET", f"{server.url}/start", headers=headers, follow_redirects=True)
    assert server.received[1].headers["authorization"] == "Bearer x"
    redirect(server, 302, f"http://other.example:{server.port}/end")
    guard = Guard(["127.0.0.1"], resolve=lambda host, port: ("127.0.0.1",))
    make(guard=guard).client(CONNECTION).request("GET", f"{server.url}/start", headers=headers, follow_redirects=True)
    passed_on = server.received[3].headers
    assert passed_on["host"].startswith("other.example")
    assert passed_on["accept"] == "a/b"
    assert not {"authorization", "x-own-key"} & passed_on.keys()


@pytest.mark.parametrize("location", ["http://169.254.169.254/latest", "file:///etc/passwd", "http://10.0.0.1/"])
def test_each_hop_is_judged_again(server, make, location):
    redirect(server, 302, location)
    with pytest.raises(PermanentError) as error:
        make().client(CONNECTION).request("GET", f"{server.url}/start", follow_redirects=True)
    assert error.value.code == "blocked_address"


def test_a_circle_of_redirects_ends(server, make):
    server.handler = lambda received, out: server.answer(out, 302, b"", Location="/again")
    assert make().client(CONNECTION).request("GET", server.url, follow_redirects=True).status == 302
    assert len(server.received) == 6


def test_a_refused_connection_means_that_nothing_happened(server, make):
    dead = server.url.replace(str(server.port), "9")
    with pytest.raises(TransientError) as error:
        make().client(CONNECTION).request("POST", dead)
    assert error.value.code == "unreachable"


def hang_up(received, out):
    out.connection.close()
    out.close_connection = True


@pytest.mark.parametrize(
    ("method", "repeatable", "kind"),
    [
        ("GET", None, TransientError),
        ("PUT", None, TransientError),
        ("POST", None, UncertainError),
        ("POST", True, TransientError),
        ("GET", False, UncertainError),
    ],
)
def test_a_lost_answer_is_transient_only_where_a_repeat_does_no_harm(server, make, method, repeatable, kind):
    server.handler = hang_up
    with pytest.raises(kind):
        make().client(CONNECTION).request(method, server.url, repeatable=repeatable)


@pytest.mark.parametrize(("method", "kind"), [("GET", TransientError), ("POST", UncertainError)])
def test_a_system_that_does_not_answer_is_given_up(server, make, method, kind):
    done = threading.Event()
    server.handler = lambda received, out: done.wait(10)
    try:
        with pytest.raises(kind) as error:
            make(read_timeout=0.1).client(CONNECTION).request(method, server.url)
        assert error.value.code == {"GET": "timeout", "POST": "uncertain"}[method]
    finally:
        done.set()


@pytest.mark.parametrize("part", ["headers", "body"])
def test_an_answer_that_trickles_in_is_given_up_at_the_deadline(server, make, part):
    done = threading.Event()

    def trickle(received, out):
        out.wfile.write(b"HTTP/1.1 200 OK\r\n" + (b"Content-Length: 1000000\r\n\r\n" if part == "body" else b"X-A: "))
        while not done.wait(0.02):
            out.wfile.write(b"a")
            out.wfile.flush()

    server.handler = trickle
    try:
        with pytest.raises(TransientError) as error:
            make(read_timeout=5.0).client(CONNECTION, timeout=0.3).request("GET", server.url)
        assert error.value.code == "timeout"
    finally:
        done.set()


def test_the_circuit_opens_after_failures_in_a_row_and_closes_after_a_good_probe(server, make):
    clock = [0.0]
    outbound = make(breaker_failures=2, breaker_pause=30.0, monotonic=lambda: clock[0])
    server.handler = lambda received, out: server.answer(out, 503)
    client = outbound.client(CONNECTION)
    client.request("GET", server.url)
    client.request("GET", server.url)
    with pytest.raises(TransientError) as error:
        client.request("GET", server.url)
    assert (error.value.code, error.value.retry_after) == ("circuit_open", 30.0)
    assert len(server.received) == 2
    other = Connection("other", "acme", {}, {})
    assert outbound.client(other).request("GET", server.url).status == 503
    server.handler = lambda received, out: server.answer(out, 200)
    clock[0] = 30.0
    assert client.request("GET", server.url).status == 200
    assert outbound.circuit("acme") == ("closed", 0)


def test_a_4xx_does_not_open_the_circuit(server, make):
    server.handler = lambda received, out: server.answer(out, 404)
    client = make(breaker_failures=1).client(CONNECTION)
    assert [client.request("GET", server.url).status for _ in range(3)] == [404] * 3


def test_the_hook_sees_every_exchange_without_secrets(server, make):
    seen = []
    client = make(observe=seen.append).client(CONNECTION)
    client.request("GET", f"{server.url}/hush-hush-hush?token=abc")
    server.handler = hang_up
    with pytest.raises(TransientError):
        client.request("GET", server.url)
    assert (seen[0].connection, seen[0].status, seen[0].received, seen[0].error) == ("acme", 200, 2, None)
    assert "hush" not in seen[0].url
    assert "abc" not in seen[0].url
    assert (seen[1].status, seen[1].error) == (None, "unreachable")


def test_a_header_with_a_line_break_is_refused(server, make):
    with pytest.raises(PermanentError) as error:
        make().client(CONNECTION).request("GET", server.url, headers={"X-A": "a\r\nX-B: b"})
    assert error.value.code == "bad_input"
    assert server.received == []


def test_headers_of_the_trace_go_with_every_request(server, make):
    make().client(CONNECTION, headers={"traceparent": "00-1-2-01"}).request("GET", server.url)
    assert server.received[0].headers["traceparent"] == "00-1-2-01"


def test_a_certificate_of_nobody_is_not_accepted(server, make, tmp_path):
    certificate, key = make_certificate(tmp_path, "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with TLSServer(context) as port:
        guard = Guard(["127.0.0.1"], resolve=lambda host, port: ("127.0.0.1",))
        with pytest.raises(TransientError, match="certificate was not accepted"):
            make(guard=guard).client(CONNECTION).request("POST", f"https://localhost:{port}/")
        trusting = make(guard=guard, ca_bundle=str(certificate))
        assert trusting.client(CONNECTION).request("GET", f"https://localhost:{port}/").body == b"{}"
        with pytest.raises(TransientError, match="certificate was not accepted"):
            trusting.client(Connection("b", "acme", {}, {})).request("GET", f"https://other.example:{port}/")


def make_certificate(folder, name):
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "c.pem").write_bytes(certificate.public_bytes(pem))
    plain = serialization.NoEncryption()
    (folder / "k.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return folder / "c.pem", folder / "k.pem"


class TLSServer:
    def __init__(self, context):
        import socket

        self.listener = socket.create_server(("127.0.0.1", 0))
        self.context = context
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self.listener.getsockname()[1]

    def serve(self):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            with plain:
                try:
                    with self.context.wrap_socket(plain, server_side=True) as secure:
                        secure.recv(65536)
                        secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
                except (ssl.SSLError, OSError):
                    continue

    def __exit__(self, *_):
        import socket

        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


def test_every_request_is_told_with_the_status_of_its_answer(server, outbound):
    told = []
    outbound.on_answer = lambda connection, status: told.append((connection, status))
    client = outbound.client(CONNECTION)
    client.request("GET", server.url)
    server.handler = hang_up
    with pytest.raises(TransientError):
        client.request("GET", server.url)
    assert told == [("acme", 200), ("acme", None)]
