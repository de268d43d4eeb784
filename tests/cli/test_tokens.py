"""Tokens of the API, made and ended on the command line."""

import re


def test_a_token_is_printed_once_and_listed_without_its_secret(hub):
    made = hub("token", "add", "Portal", "--scope", "orders:read", "--scope", "orders:write", "--days", "30")
    secret = made.out.strip()
    assert re.fullmatch(r"hub_[\w-]{43}", secret)
    assert "shown only now" in made.err
    row = hub("token", "list", "--format", "json").json[0]
    assert (row["title"], row["scopes"], row["state"]) == ("Portal", ["orders:read", "orders:write"], "valid")
    assert row["expires_at"] > row["created_at"]
    listed = hub("token", "list").out
    assert "Portal" in listed
    assert secret not in listed
    assert secret[-4:] in listed


def test_a_token_is_revoked_by_its_id(hub):
    hub("token", "add", "Portal", "--scope", "orders:read")
    identity = hub("token", "list", "--format", "json").json[0]["id"]
    assert hub("token", "revoke", identity).out == "The token Portal is revoked.\n"
    assert hub("token", "list", "--format", "json").json[0]["state"] == "revoked"


def test_what_is_wrong_is_said_in_a_sentence(hub):
    assert "There is no API token 'tok_1'" in hub("token", "revoke", "tok_1").err
    unknown = hub("token", "add", "Portal", "--scope", "orders:everything")
    assert unknown.code == 2
    assert "orders:everything" in unknown.err
    assert hub("token", "list").out == "There are no tokens yet.\n"
