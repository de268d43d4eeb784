import re

import pytest

from hub.web.app import create_app
from hub.web.pages.account import safe_address
from hub.web.setup import setup_link

from .conftest import PASSWORD, Visitor


@pytest.fixture
def empty(open_hub):
    """A hub on which nobody can log in yet."""
    return open_hub()


@pytest.fixture
def newcomer(empty):
    return Visitor(create_app(empty))


def path_of(link):
    return re.sub(r"^https?://[^/]+", "", link)


def test_the_first_admin_is_made_by_the_link_and_is_logged_in(empty, newcomer):
    link = path_of(setup_link(empty))
    assert "Make your account" in newcomer.page(link)
    done = newcomer.post(link, name="Ada", email="Ada@Example.com", password=PASSWORD)
    assert done.headers["Location"] == "/"
    assert "Hello Ada" in newcomer.page("/")
    user = empty.store.user(email="ada@example.com")
    assert (user.role, user.password_hash.startswith("$argon2id$")) == ("admin", True)
    assert [row["action"] for row in empty.store.audit_trail()] == ["user.create"]


def test_the_link_works_once(empty, newcomer):
    link = path_of(setup_link(empty))
    newcomer.post(link, email="ada@example.com", password=PASSWORD)
    second = Visitor(create_app(empty))
    assert second.get(link).status_code == 410
    assert second.post(link, email="eve@example.com", password=PASSWORD).status_code == 410
    assert [user.email for user in empty.store.users()] == ["ada@example.com"]
    assert setup_link(empty) is None


def test_a_newer_link_voids_the_older_one(empty, newcomer):
    old, new = path_of(setup_link(empty)), path_of(setup_link(empty))
    assert newcomer.get(old).status_code == 410
    assert newcomer.get(new).status_code == 200


def test_the_link_ends_after_a_day(empty, newcomer, clock):
    link = path_of(setup_link(empty))
    clock.forward(hours=24)
    answer = newcomer.get(link)
    assert answer.status_code == 410
    assert "prints a new one" in answer.text


def test_only_the_links_digest_is_stored(empty):
    token = setup_link(empty).rpartition("/")[2]
    assert token not in str(empty.store.fact("setup_link"))


def test_a_guessed_link_opens_nothing(empty, newcomer):
    setup_link(empty)
    assert newcomer.get("/set-up/" + "A" * 43).status_code == 410


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("short", "has 5 characters"),
        ("aaaaaaaaaaaaaa", "too easy to guess"),
        ("lovelace-lovelace", "too easy to guess"),
        ("x1" * 150, "too long"),
    ],
)
def test_a_weak_password_is_refused_with_the_reason(empty, newcomer, password, said):
    link = path_of(setup_link(empty))
    answer = newcomer.post(link, email="lovelace@example.com", password=password)
    assert answer.status_code == 422
    assert said in answer.text
    assert empty.store.users() == []
    assert newcomer.get(link).status_code == 200


def test_who_is_nobody_and_who_errs_hear_the_same(visitor):
    unknown = visitor.log_in("nobody@example.com")
    wrong = visitor.log_in("admin@example.com", "not the password")
    assert unknown.status_code == wrong.status_code == 401
    assert all("The address or the password is wrong." in answer.text for answer in (unknown, wrong))


def test_log_ins_good_and_bad_are_in_the_audit_trail(hub, visitor, clock):
    visitor.log_in("admin@example.com", "not the password")
    clock.forward(seconds=1)
    visitor.log_in("ADMIN@example.com ")
    trail = [(row["actor"], row["action"]) for row in hub.store.audit_trail()]
    assert trail == [("admin@example.com", "log_in"), ("admin@example.com", "log_in.refused")]


def test_guessing_passwords_is_slowed(visitor):
    answers = [visitor.log_in("admin@example.com", f"guess number {n}").status_code for n in range(11)]
    assert answers == [401] * 10 + [429]
    refused = visitor.log_in("admin@example.com")
    assert refused.status_code == 429
    assert f"Try again in {refused.headers['Retry-After']} seconds." in refused.text


def test_after_log_in_one_is_where_one_wanted_to_be(visitor):
    sent = visitor.get("/runs?status=failed")
    assert sent.headers["Location"] == "/log-in?next=/runs?status%3Dfailed"
    assert visitor.log_in("viewer@example.com", next="/runs?status=failed").headers["Location"] == "/runs?status=failed"


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "javascript:alert(1)",
        "/\n/evil.example",
        "/\t/evil",
        "",
        "runs",
    ],
)
def test_log_in_leads_nowhere_outside(app, wanted):
    with app.test_request_context("/"):
        assert safe_address(wanted) == "/"


def test_a_form_without_its_token_changes_nothing(hub, people):
    answer = people["admin"].client.post("/settings/users", data={"email": "eve@example.com", "role": "admin"})
    assert answer.status_code == 400
    assert "came from another site" in answer.text
    assert hub.store.user(email="eve@example.com") is None


def test_a_form_sent_after_the_session_ended_says_that_nothing_was_kept(people, clock):
    viewer = people["viewer"]
    token = viewer.token()
    clock.forward(hours=13)
    answer = viewer.client.post("/me", data={"csrf_token": token, "name": "New"}, follow_redirects=True)
    assert "nothing was changed" in answer.text


def test_preferences_are_kept_and_unknown_ones_said_at_their_field(hub, people):
    people["viewer"].post("/me", name="Vera", language="de", timezone="Asia/Tokyo", theme="dark")
    user = hub.store.user(email="viewer@example.com")
    assert (user.name, user.preferences) == ("Vera", {"language": "de", "timezone": "Asia/Tokyo", "theme": "dark"})
    for wrong in ({"name": ""}, {"language": "xx"}, {"timezone": "Moon/Base"}, {"theme": "pink"}):
        refused = people["viewer"].post(
            "/me", **{"name": "Vera", "language": "de", "timezone": "", "theme": "dark", **wrong}
        )
        assert refused.status_code == 422
        assert re.search(rf'name="{next(iter(wrong))}"[^>]* aria-invalid="true"', refused.text), wrong
    assert hub.store.user(email="viewer@example.com") == user


def test_the_current_password_is_asked_for(people):
    answer = people["viewer"].post("/me/password", current="wrong", password="a new long password")
    assert answer.status_code == 422
    assert "This is not your current password." in answer.text
