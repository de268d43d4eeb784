"""Tokens: who gets in, where, how long, and how often."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from hub.engine.tokens import SCOPES, Tokens
from hub.errors import ConfigError
from hub.journal.tables_api import tokens
from hub.web.access import access_rules
from hub.web.api import bearer


def endpoints(app):
    rules = access_rules(app)
    for rule in app.url_map.iter_rules():
        if rules[rule.endpoint].scope:
            method = "POST" if "POST" in rule.methods else "GET"
            path = rule.rule.removeprefix("/api/v1").replace("<", "").replace(">", "")
            yield rules[rule.endpoint].scope, method, path


def ask(program, method, path):
    return program.get(path) if method == "GET" else program.post(path)


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    monkeypatch.setattr(bearer, "PER_TOKEN", bearer.RateLimitItemPerMinute(100_000))
    monkeypatch.setattr(bearer, "WRONG", bearer.RateLimitItemPerMinute(100_000))


@pytest.mark.parametrize("scope", SCOPES)
def test_a_token_opens_what_its_scope_names_and_nothing_else(app, program, scope):
    asking = program(scope)
    for wanted, method, path in endpoints(app):
        answer = ask(asking, method, path)
        if wanted == scope:
            assert answer.status_code not in {401, 403, 500}, (path, answer.text)
        else:
            assert (answer.status_code, answer.json["code"]) == (403, "forbidden"), path
            assert wanted in answer.json["detail"]
        assert answer.status_code < 400 or answer.content_type == "application/problem+json", path


def test_nothing_opens_without_a_token_and_no_session_counts(app, anyone, admin):
    for _, method, path in endpoints(app):
        answer = ask(anyone, method, path)
        assert (answer.status_code, answer.json["code"]) == (401, "no_token"), path
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert admin.client.open(f"/api/v1{path}", method=method).status_code == 401, path


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("Basic YTpi", "no_token"),
        ("Bearer ", "no_token"),
        ("Bearer hub_short", "unknown_token"),
        ("Bearer hub_" + "x" * 43, "unknown_token"),
        ("Bearer " + "9" * 5000, "unknown_token"),
    ],
)
def test_what_is_no_token_is_said_to_be_none(anyone, header, code):
    anyone.headers = {"Authorization": header}
    assert anyone.get("/orders").json["code"] == code


def test_a_token_ends_when_it_expires(program, clock):
    asking = program("orders:read", expires_at=clock() + timedelta(days=1))
    assert asking.get("/orders").status_code == 200
    clock.forward(days=1)
    answer = asking.get("/orders")
    assert (answer.status_code, answer.json["code"]) == (401, "expired_token")


def test_a_revoked_token_opens_nothing_from_that_moment_on(hub, program):
    asking = program("orders:read")
    identity = Tokens(hub).list()[0].id
    assert Tokens(hub).revoke(identity, "admin@example.com") == "Portal"
    Tokens(hub).revoke(identity, "admin@example.com")
    assert asking.get("/orders").json["code"] == "revoked_token"
    assert [one["action"] for one in hub.store.audit_trail()] == ["token.revoke", "token.create"]


def test_only_the_hash_of_a_secret_is_kept(hub):
    _, secret = Tokens(hub).create("Portal", ["orders:read"], None, "admin@example.com")
    with hub.database.read() as connection:
        kept = str(connection.execute(sa.select(tokens)).all())
    assert secret not in kept
    assert secret.removeprefix("hub_") not in kept


def test_when_a_token_was_used_last_is_known_to_the_minute(hub, program, clock):
    asking = program("orders:read")
    asking.get("/orders")
    first = clock()
    clock.forward(seconds=30)
    asking.get("/orders")
    assert Tokens(hub).list()[0].last_used_at == first
    clock.forward(seconds=40)
    asking.get("/orders")
    assert Tokens(hub).list()[0].last_used_at == clock()


@pytest.mark.parametrize(
    ("title", "scopes", "days", "field"),
    [
        ("", ["orders:read"], None, "title"),
        ("x" * 121, ["orders:read"], None, "title"),
        ("Portal", [], None, "scopes"),
        ("Portal", ["orders:everything"], None, "scopes"),
        ("Portal", ["orders:read"], -1, "expires_at"),
    ],
)
def test_what_is_wrong_with_a_new_token_is_said_by_field(hub, clock, title, scopes, days, field):
    end = clock() + timedelta(days=days) if days else None
    with pytest.raises(ConfigError) as caught:
        Tokens(hub).create(title, scopes, end, "admin@example.com")
    assert caught.value.code == field


def test_a_token_that_asks_too_often_waits(program, monkeypatch):
    monkeypatch.setattr(bearer, "PER_TOKEN", bearer.RateLimitItemPerMinute(2))
    busy, other = program("orders:read"), program("orders:read", title="Other")
    assert [busy.get("/orders").status_code for _ in range(3)] == [200, 200, 429]
    answer = busy.get("/orders")
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert answer.json["code"] == "rate_limited"
    assert other.get("/orders").status_code == 200


def test_guessing_tokens_is_slow(anyone, program, monkeypatch):
    monkeypatch.setattr(bearer, "WRONG", bearer.RateLimitItemPerMinute(2))
    assert [anyone.get("/orders").status_code for _ in range(3)] == [401, 401, 429]
