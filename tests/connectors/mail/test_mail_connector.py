import ipaddress
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import responses
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors.mail.message import mailbox, message_id
from hub.connect.api import Connection
from hub.errors import ConfigError, PermanentError, TransientError, UncertainError

from .conftest import GIVEN, MAIL, NOW, Outbox, call, parsed, plain, send


def to(*recipients, **more):
    return {**GIVEN, "to": list(recipients), **more}


def test_a_mail_arrives_with_both_parts_and_its_headers(serve, inbox):
    output = send(
        plain(serve(), from_name="Shop, Ltd", reply_to="help@shop.example"),
        {**GIVEN, "unsubscribe": "https://shop.example/u"},
    )
    ((sender, recipient, content),) = inbox.messages
    message = parsed(content)
    assert (sender, recipient) == ("shop@shop.example", "ada@example.com")
    assert message["From"] == '"Shop, Ltd" <shop@shop.example>'
    assert (message["To"], message["Subject"]) == ("ada@example.com", "Grüße")
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Reply-To"] == "help@shop.example"
    assert message["List-Unsubscribe"] == "<https://shop.example/u>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["Date"].datetime == NOW
    assert message.get_body(("plain",)).get_content().strip() == "Hello Ada"
    assert "<strong>Ada</strong>" in message.get_body(("html",)).get_content()
    assert output == {
        "sent": [{"to": "ada@example.com", "message_id": message["Message-ID"], "answer": "250 2.0.0 Taken"}],
        "outbox": False,
    }


def test_the_message_id_is_the_same_on_every_try_and_differs_by_recipient(serve, inbox):
    settings = plain(serve())
    for attempt in (1, 2):
        MAIL.run("send", replace(call(settings, to("a@x.example", "b@x.example")), attempt=attempt))
    ids = [parsed(content)["Message-ID"] for _, _, content in inbox.messages]
    assert ids[:2] == ids[2:]
    assert len(set(ids)) == 2
    assert ids[0] == message_id("4f" * 20, mailbox("a@x.example"), "shop.example")


def test_each_recipient_gets_a_message_of_its_own(serve, inbox):
    send(plain(serve()), to("a@x.example", "B <b@x.example>"))
    assert [(recipient, parsed(content)["To"]) for _, recipient, content in inbox.messages] == [
        ("a@x.example", "a@x.example"),
        ("b@x.example", "B <b@x.example>"),
    ]


def test_lines_that_begin_with_a_dot_and_long_lines_survive(serve, inbox):
    text = ".\n\n.hidden\n\n" + "long " * 400
    send(plain(serve()), {**GIVEN, "text": text})
    body = parsed(inbox.messages[0][2]).get_body(("plain",)).get_content()
    assert body.split() == text.split()
    assert max(len(line) for line in inbox.messages[0][2].splitlines()) < 998


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        ("450 4.7.1 Greylisted", TransientError, "gateway_down"),
        ("452 4.2.2 Mailbox full", TransientError, "gateway_down"),
        ("421 4.3.2 Closing", TransientError, "gateway_down"),
        ("550 5.1.1 No such user", PermanentError, "invalid_recipient"),
        ("553 5.7.1 Relaying denied", PermanentError, "invalid_recipient"),
    ],
)
@pytest.mark.parametrize("stage", ["rcpt", "data"])
def test_what_the_server_says_of_a_recipient(serve, inbox, answer, kind, code, stage):
    getattr(inbox, stage)["ada@example.com"] = answer
    with pytest.raises(kind) as error:
        send(plain(serve()))
    assert error.value.code == code
    assert answer[4:] in error.value.message
    assert inbox.messages == []


def test_only_those_who_did_not_get_it_are_tried_again(serve, inbox):
    settings = plain(serve())
    recipients = to("a@x.example", "b@x.example", "c@x.example")
    inbox.rcpt = {"b@x.example": "450 4.7.1 Greylisted", "c@x.example": "550 5.1.1 No such user"}
    with pytest.raises(TransientError, match=r"Not taken yet: \[person\]") as first:
        send(settings, recipients)
    inbox.rcpt.pop("b@x.example")
    with pytest.raises(
        PermanentError, match=r"\[person\] \(550 5.1.1 No such user\)\. Sent to the other 2\."
    ) as second:
        send(settings, recipients, previous=first.value.details)
    assert [recipient for _, recipient, _ in inbox.messages] == ["a@x.example", "b@x.example"]
    assert [entry["outcome"] for entry in second.value.details["recipients"]] == ["sent", "sent", "refused"]


def test_what_an_earlier_attempt_sent_is_in_the_output_with_its_address(serve, inbox):
    settings = plain(serve())
    recipients = to("a@x.example", "b@x.example")
    inbox.rcpt = {"b@x.example": "450 4.7.1 Greylisted"}
    with pytest.raises(TransientError) as first:
        send(settings, recipients)
    inbox.rcpt = {}
    sent = send(settings, recipients, previous=first.value.details)["sent"]
    assert [set(entry) for entry in sent] == [{"to", "message_id", "answer"}] * 2
    assert [entry["to"] for entry in sent] == ["a@x.example", "b@x.example"]
    assert [recipient for _, recipient, _ in inbox.messages] == ["a@x.example", "b@x.example"]


def test_a_line_lost_before_the_message_is_tried_again(serve, inbox):
    inbox.drop = {"ada@example.com": "rcpt"}
    with pytest.raises(TransientError):
        send(plain(serve()))
    assert inbox.messages == []


@pytest.mark.parametrize(
    ("settings", "may"),
    [
        ({}, True),
        ({"host": "mail.example.com"}, False),
        ({"host": "mail.example.com", "when_unsure": "ask"}, False),
        ({"host": "mail.example.com", "when_unsure": "send_again"}, True),
    ],
)
def test_a_mail_that_was_perhaps_sent_is_sent_again_where_that_does_no_harm_or_is_wished(settings, may):
    assert MAIL.may_repeat(MAIL.manifest.actions["send"], Connection("mail", "mail", settings, {})) is may


def test_a_line_lost_after_the_message_leaves_it_uncertain(serve, inbox):
    inbox.drop = {"ada@example.com": "data"}
    with pytest.raises(UncertainError, match=r"handed over: \[person\]") as error:
        send(plain(serve()))
    assert len(inbox.messages) == 1
    assert error.value.details["recipients"][0]["outcome"] == "unknown"


def test_an_admin_may_prefer_a_second_copy_with_the_same_id(serve, inbox):
    settings = plain(serve(), when_unsure="send_again")
    inbox.drop = {"ada@example.com": "data"}
    with pytest.raises(TransientError) as error:
        send(settings)
    inbox.drop = {}
    send(settings, previous=error.value.details)
    assert len({parsed(content)["Message-ID"] for _, _, content in inbox.messages}) == 1


def test_after_a_lost_line_the_others_are_still_served(serve, inbox):
    inbox.drop = {"a@x.example": "data"}
    with pytest.raises(UncertainError) as error:
        send(plain(serve()), to("a@x.example", "b@x.example"))
    outcomes = [entry["outcome"] for entry in error.value.details["recipients"]]
    assert outcomes == ["unknown", "sent"]


def test_a_server_that_is_not_there_is_tried_again():
    with pytest.raises(TransientError) as error:
        send(plain(9))
    assert error.value.code == "unreachable"


@pytest.fixture
def tls(tmp_path, monkeypatch):
    """A server context for 127.0.0.1; its authority is trusted once ``trust()`` is called."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, none = serialization.Encoding.PEM, serialization.NoEncryption()
    (tmp_path / "c.pem").write_bytes(certificate.public_bytes(pem))
    (tmp_path / "k.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, none))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "c.pem", tmp_path / "k.pem")
    context.trust = lambda: monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "c.pem"))
    return context


def signed_in(server, session, envelope, mechanism, credentials):
    return AuthResult(success=(credentials.login, credentials.password) == (b"ada", b"app-password"), handled=False)


def test_starttls_and_a_password(serve, inbox, tls):
    tls.trust()
    settings = plain(
        serve(tls_context=tls, require_starttls=True, authenticator=signed_in),
        security="starttls",
        auth="password",
        user="ada",
    )
    send(settings, password="app-password")
    assert len(inbox.messages) == 1
    assert MAIL.test(call(settings, password="app-password")) == "Signed in to 127.0.0.1."
    with pytest.raises(PermanentError) as error:
        send(settings, password="wrong")
    assert error.value.code == "unauthorised"
    assert "wrong" not in str(error.value)


def test_implicit_tls(serve, inbox, tls):
    tls.trust()
    send(plain(serve(ssl_context=tls), security="tls"))
    assert len(inbox.messages) == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_of_nobody_is_not_accepted(serve, inbox, tls, security):
    option = {"starttls": "tls_context", "tls": "ssl_context"}[security]
    with pytest.raises(TransientError, match="certificate"):
        send(plain(serve(**{option: tls}), security=security))
    assert inbox.messages == []


def test_a_server_without_encryption_gets_nothing_in_clear(serve, inbox):
    settings = plain(
        serve(authenticator=signed_in, auth_require_tls=False), security="starttls", auth="password", user="ada"
    )
    with pytest.raises(PermanentError, match="Nothing was sent in clear"):
        send(settings, password="app-password")
    assert inbox.messages == []


def test_a_password_is_never_sent_without_encryption(serve, inbox):
    settings = plain(serve(authenticator=signed_in, auth_require_tls=False), auth="password", user="ada")
    with pytest.raises(PermanentError, match="never sent without encryption"):
        send(settings, password="app-password")


@pytest.mark.parametrize(("token", "accepted"), [("good-token", True), ("bad-token", False)])
@responses.activate
def test_xoauth2_with_a_refresh_token(serve, inbox, tls, token, accepted):
    tls.trust()
    responses.post("https://login.example/token", json={"access_token": token, "expires_in": 3600})
    settings = plain(
        serve(tls_context=tls, auth_exclude_mechanism=["LOGIN", "PLAIN"]),
        security="starttls",
        auth="xoauth2",
        user=f"ada-{token}",
        token_url="https://login.example/token",
        client_id=f"app-{token}",
    )
    secrets = {"client_secret": "cs", "refresh_token": "rt"}
    if accepted:
        send(settings, **secrets)
        send(settings, **secrets)
        assert len(inbox.messages) == 2
        assert inbox.tokens[0] == f"user=ada-{token}\x01auth=Bearer {token}\x01\x01".encode()
        assert len(responses.calls) == 1
        assert b"grant_type=refresh_token" in responses.calls[0].request.body
    else:
        with pytest.raises(PermanentError) as error:
            send(settings, **secrets)
        assert error.value.code == "unauthorised"


def test_xoauth2_needs_a_user():
    with pytest.raises(ConfigError, match="no user"):
        send(plain(9, auth="xoauth2"))


def test_an_address_beyond_ascii_needs_a_server_that_takes_it(serve, inbox):
    given = {**GIVEN, "to": "jörg@müller.example"}
    send(plain(serve(enable_SMTPUTF8=True)), given)
    assert inbox.messages[0][1] == "jörg@xn--mller-kva.example"
    with pytest.raises(PermanentError, match="beyond ASCII"):
        send(plain(serve(enable_SMTPUTF8=False)), given)


@pytest.mark.parametrize(
    "address",
    [
        "nobody",
        "ab@",
        "@b.example",
        "a b@c.example",
        "a@b@c.example",
        "a@b.example\r\nBcc: x@y.example",
        "a,b@c.example",
        ".a@c.example",
        "a..b@c.example",
        f"{'a' * 65}@c.example",
        "a@b..example",
        "<a@b.example",
    ],
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(PermanentError) as error:
        send(plain(9), {**GIVEN, "to": address})
    assert error.value.code == "invalid_recipient"


@pytest.mark.parametrize("where", ["subject", "reply_to", "from_name"])
def test_a_line_break_in_a_header_is_refused(where):
    given, settings = dict(GIVEN), plain(9)
    (settings if where == "from_name" else given)[where] = "a@b.example\r\nBcc: x@y.example"
    with pytest.raises(PermanentError) as error:
        send(settings, given)
    assert error.value.code in {"bad_input", "invalid_recipient"}


def test_without_a_server_the_mail_is_kept_in_the_outbox_once():
    outbox = Outbox()
    for _ in range(2):
        output = send({}, to("a@x.example", "b@x.example"), services={"outbox": outbox})
    assert output["outbox"] is True
    assert [(recipient, subject) for recipient, subject, _ in outbox.kept.values()] == [
        ("a@x.example", "Grüße"),
        ("b@x.example", "Grüße"),
    ]
    assert list(outbox.kept) == [entry["message_id"] for entry in output["sent"]]
    assert "kept in the outbox" in MAIL.test(call({}))


class Templates(dict):
    """The workspace's templates."""


def test_the_workspaces_template_stands_before_the_built_in_one():
    outbox = Outbox()
    given = {"to": "a@x.example", "template": "receipt", "data": {"total": "10 €", "payment": "p_1"}}
    send({}, given, services={"outbox": outbox})
    own = Templates(receipt="---\nsubject: Mine\n---\n${ total }")
    MAIL.run("send", replace(call({}, given, services={"outbox": outbox, "templates": own}), key="00"))
    subjects = [subject for _, subject, _ in outbox.kept.values()]
    assert subjects == ["Receipt ", "Mine"]


@pytest.mark.parametrize(
    ("language", "subject"),
    [
        ("de", "Willkommen"),
        ("en", "Welcome"),
        ("hi", "Welcome"),
        ("", "Welcome"),
        ("../de", "Welcome"),
        (None, "Welcome"),
    ],
)
def test_a_mail_speaks_the_steps_language_where_its_template_does(language, subject):
    outbox = Outbox()
    own = Templates({"hello": "---\nsubject: Welcome\n---\nHi", "hello-de": "---\nsubject: Willkommen\n---\nHallo"})
    given = {"to": "a@x.example", "template": "hello", **({"language": language} if language is not None else {})}
    send({}, given, services={"outbox": outbox, "templates": own})
    assert [subject for _, subject, _ in outbox.kept.values()] == [subject]


def test_a_built_in_template_speaks_the_steps_language_too():
    outbox = Outbox()
    data = {"amount": "10 €", "purpose": "Klavierstunde", "url": "https://hub.example.com/r/x"}
    send(
        {},
        {"to": "a@x.example", "template": "payment-link", "language": "de", "data": data},
        services={"outbox": outbox},
    )
    assert [subject for _, subject, _ in outbox.kept.values()] == ["Zahlungsbitte: Klavierstunde"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"template": "recept"}, "no template 'recept'"),
        ({"template": "../secrets"}, "template"),
        ({"template": "receipt", "text": "x"}, "not valid|oneOf|valid under"),
        ({"text": "x"}, "valid under"),
        ({"template": "receipt", "data": {}}, "total gives nothing"),
    ],
)
def test_content_that_cannot_be_is_refused(given, says):
    with pytest.raises(PermanentError, match=says) as error:
        send({}, {"to": "a@x.example", **given}, services={"outbox": Outbox()})
    assert error.value.code == "bad_input"


def test_a_template_without_a_subject_needs_one_from_the_step():
    outbox = Outbox()
    services = {"outbox": outbox, "templates": Templates(bare="Hello")}
    with pytest.raises(PermanentError, match="no subject"):
        send({}, {"to": "a@x.example", "template": "bare"}, services=services)
    send({}, {"to": "a@x.example", "template": "bare", "subject": "Hi"}, services=services)
    assert [subject for _, subject, _ in outbox.kept.values()] == ["Hi"]
