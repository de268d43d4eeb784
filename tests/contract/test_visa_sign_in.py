"""The ways to sign in, and encrypted requests and answers, against a fake that proves and opens them with code of its own."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from hub.errors import ConfigError, TransientError
from tests.contract.visa_steps import STORED, desk_of, plan, taken
from tests.fakes.fake_visa import FakeVisa
from tests.fakes.visa_wire import unb64


@pytest.fixture
def visa():
    with FakeVisa().running() as fake:
        yield fake
    assert fake.complaints == []


def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def merchants():
    return key()


@pytest.fixture(scope="module")
def visas():
    return key()


def pem(private, password=None):
    protection = BestAvailableEncryption(password) if password else NoEncryption()
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection).decode()


def certificate(private, number="7000000000001"):
    name = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, "hub_sample"), x509.NameAttribute(NameOID.SERIAL_NUMBER, number)]
    )
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(77)
    builder = builder.public_key(private.public_key()).not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
    return builder.not_valid_after(datetime(2036, 1, 1, tzinfo=UTC)).sign(private, hashes.SHA256())


def pem_of(one):
    return one.public_bytes(Encoding.PEM).decode()


def header_of(request):
    return unb64(request.headers["authorization"].removeprefix("Bearer ").split(".")[0]).decode()


@pytest.mark.parametrize("form", ["p12", "pem with certificate", "pem with key id", "pem with password"])
def test_certificate_signs_each_request(visa, registry, outbound, merchants, form):
    visa.public_key = merchants.public_key()
    own = certificate(merchants)
    protected = BestAvailableEncryption(b"made up")
    p12 = pkcs12.serialize_key_and_certificates(b"hub", merchants, own, None, protected)
    fields = {
        "p12": {"private_key": base64.b64encode(p12).decode(), "key_password": "made up", "key_id": None},
        "pem with certificate": {"private_key": pem(merchants) + pem_of(own), "key_id": None},
        "pem with key id": {"private_key": pem(merchants), "key_id": "7000000000001"},
        "pem with password": {
            "private_key": pem(merchants, b"made up"),
            "key_password": "made up",
            "key_id": "7000000000001",
        },
    }[form]
    desk = desk_of(visa, registry, outbound, sign_in="jwt_certificate", shared_secret="", **fields)
    assert desk.run("payment.create", STORED)["status"] == "succeeded"
    assert '"kid":"7000000000001"' in header_of(visa.received[-1])
    assert '"alg":"RS256"' in header_of(visa.received[-1])


def test_http_signature_of_old_still_signs_all_methods(visa, registry, outbound):
    desk = desk_of(visa, registry, outbound, sign_in="http_signature")
    assert desk.run("payment.create", STORED)["status"] == "succeeded"
    made = plan(desk)
    assert desk.run("plan.update", {"plan": made["plan"], "name": "Better"}, key="u")["plan"] == made["plan"]
    desk.connector.code.endpoints.create(desk.call(), "https://hub.example.com/hooks/visa-main")
    desk.connector.code.endpoints.delete(desk.call(), "00000000-0000-4000-8000-00000000bbbb")
    assert all("authorization" not in one.headers for one in visa.received)
    assert {one.method for one in visa.received} >= {"GET", "POST", "PATCH", "DELETE"}


def test_portfolio_key_names_the_portfolio_as_its_issuer(visa, registry, outbound):
    desk = desk_of(visa, registry, outbound, portfolio_id="hub_portfolio")
    assert desk.run("payment.create", STORED)["status"] == "succeeded"
    claims = unb64(visa.received[-1].headers["authorization"].split(".")[1]).decode()
    assert '"iss":"hub_portfolio"' in claims


def test_requests_and_answers_are_encrypted(visa, registry, outbound, merchants, visas):
    visa.request_key = visas
    visa.answer_keys = {"7000000000002": merchants.public_key()}
    fields = {"encryption_key": pem(merchants), "response_key_id": "7000000000002"}
    desk = desk_of(visa, registry, outbound, request_certificate=pem_of(certificate(visas)), **fields)
    output = desk.run("payment.create", STORED)
    assert output["status"] == "succeeded"
    assert b"TOKENMADEUP0001" not in visa.received[-1].body
    assert desk.run("payment.get", {"payment": output["payment"]})["status"] == "succeeded"


def test_answer_for_another_key_is_not_opened_and_tells_nothing(visa, registry, outbound, merchants, visas):
    visa.answer_keys = {"7000000000002": visas.public_key()}
    fields = {"encryption_key": pem(merchants), "response_key_id": "7000000000002"}
    desk = desk_of(visa, registry, outbound, **fields)
    with pytest.raises(TransientError) as caught:
        desk.run("payment.get", {"payment": "7950000000000000000001"})
    assert caught.value.code == "bad_answer"


def test_encrypted_payment_events_are_proved_then_opened(visa, registry, outbound, merchants):
    visa.webhook_certificate = merchants.public_key()
    desk = desk_of(visa, registry, outbound, encryption_key=pem(merchants))
    payment = desk.run("payment.create", {**STORED, "order": "o_1"})["payment"]
    (webhook,) = visa.webhooks("")
    assert b"o_1" not in webhook.body
    (event,) = taken(desk, webhook)
    assert (event.type, event.data["payment"], event.data["order"]) == ("payment.succeeded", payment, "o_1")


def test_key_that_cannot_be_read_says_so_without_showing_it(visa, registry, outbound, merchants):
    elliptic = ec.generate_private_key(ec.SECP256R1())
    for text, words in (
        ("made up key, no base64 and no PEM", "cannot be read"),
        (pem(merchants, b"secret"), "cannot be read"),
        (pem(elliptic), "not an RSA key"),
    ):
        desk = desk_of(visa, registry, outbound, sign_in="jwt_certificate", private_key=text)
        with pytest.raises(ConfigError, match=words) as caught:
            desk.run("payment.get", {"payment": "7950000000000000000001"})
        assert text not in str(caught.value)
    for text in ("no certificate", pem_of(certificate(merchants)).replace("M", "N")):
        desk = desk_of(visa, registry, outbound, request_certificate=text)
        with pytest.raises(ConfigError, match="cannot be read"):
            desk.run("payment.create", STORED)
    assert visa.received == []
