"""Who sends a form too often gets it back with what they typed, and is told when to try again."""

import re

import pytest

from hub.engine.form_desk import FormDesk
from hub.journal.tables_work import jobs, providers
from hub.web.access import Role, access_rules
from tests.commerce.conftest import Shop
from tests.web.test_form_pages import JOIN
from tests.web.test_work_pages import ADA, GRACE, job_of, pages_of, provider, row_of, text_of, transport


@pytest.fixture
def shop(tmp_path, gateway):
    made = Shop(tmp_path / "workspace", "sqlite:///", gateway)
    yield made
    made.hub.close()


def too_often(shop, address, **data):
    """The first answer of the limiter to somebody who sends a form again and again."""
    for _ in range(31):
        answer = shop.visit(address, "POST", data={"key": "k1", **data})
        if answer.status_code == 429:
            return waited(answer)
    raise AssertionError("nobody was told to wait")


def waited(answer):
    """The answer says to people and to programs for how long to wait."""
    seconds = int(answer.headers["Retry-After"])
    assert 2 <= seconds <= 61
    assert re.search(rf"role=\"alert\".*?\b{seconds} seconds", answer.text, re.DOTALL)
    return answer


def test_a_registration_comes_back_as_it_was_typed_and_can_be_sent_once_the_wait_is_over(shop):
    answer = too_often(shop, "/register", **{**GRACE, "f-email": "grace", "f-phone": "+49 30 <1>"})
    for typed in ("Grace Hopper", "truck, crane", "Berlin", 'value="grace"', "+49 30 &lt;1&gt;", 'value="k1"'):
        assert typed in answer.text
    assert "What you entered is still here" in text_of(answer.text)
    for limiter in shop.client.application.extensions["limiter"]:
        limiter.reset()
    assert "Thank you." in shop.visit("/register", "POST", data={"key": "k1", **GRACE}).text
    assert row_of(shop, providers).name == "Grace Hopper"


@pytest.mark.parametrize(("language", "words"), [("de", "Das war zu oft"), ("hi", "थोड़े समय में बहुत बार")])
def test_it_is_said_in_the_visitors_language(shop, language, words):
    for _ in range(11):
        answer = shop.visit(f"/register?lang={language}", "POST", data=GRACE)
    assert words in answer.text


def test_a_form_of_the_admins_comes_back_as_it_was_typed(shop):
    FormDesk(shop.hub).save("", JOIN, "test@example.com")
    answer = too_often(shop, "/f/join", **{"f-name": "Ada", "f-email": "no address", "f-size": "M", "f-age": "thirty"})
    for typed in ('value="Ada"', 'value="no address"', 'value="thirty"'):
        assert typed in answer.text


def test_a_provider_keeps_the_account_the_days_and_the_price_that_they_typed(shop):
    identity = provider(shop)
    account = {"f-holder": "Grace", "f-iban": "DE00 1"}
    answer = too_often(shop, pages_of(shop, identity), do="account", **account)
    assert 'value="DE00 1"' in answer.text
    away = re.findall(r'name="day" value="([^"]+)"', answer.text)[-1]
    answer = waited(shop.visit(pages_of(shop, identity), "POST", data={"do": "calendar", "day": [away]}))
    assert re.findall(r'value="([^"]+)"[^>]* checked', answer.text) == [away]
    assert row_of(shop, providers).calendar == []
    job = transport(shop)
    offer = {"do": "offer", "price": "1.2.3", "f-note": "With a lift"}
    answer = too_often(shop, job_of(shop, job, identity), **offer)
    assert 'value="1.2.3"' in answer.text
    assert "With a lift" in answer.text


def test_a_customer_keeps_what_they_wrote_of_a_job(shop):
    identity = provider(shop)
    job = shop.do("jobs", "post", {"title": "Piano", "skills": ["truck"], "date": "2027-02-10", "pay": "none",
                                   "price": {"minor": 100, "currency": "EUR"}, "customer": ADA}, "post")  # fmt: skip
    shop.do("jobs", "assign", {"job": job["job"], "provider": identity}, "assign")
    shop.do("jobs", "accept", {"job": job["job"], "provider": identity}, "accept")
    for _ in range(30):
        shop.visit(job["url"], "POST", data={"do": "look"})
    answer = waited(shop.visit(job["url"], "POST", data={"do": "dispute", "reason": "The piano <fell>"}))
    assert "The piano &lt;fell&gt;</textarea>" in answer.text
    assert row_of(shop, jobs).state == "accepted"


def test_who_asks_for_the_portal_keeps_the_address(shop):
    answer = too_often(shop, "/m", email="ada@example.com")
    assert 'value="ada@example.com"' in answer.text


def test_a_log_in_keeps_the_address_and_where_it_was_to_lead_but_never_the_password(visitor):
    for _ in range(10):
        visitor.log_in("ada@example.com", "not the password")
    answer = waited(visitor.log_in("Ada@example.com", "secret <typed>", next="/runs"))
    assert 'value="Ada@example.com"' in answer.text
    assert 'name="next" value="/runs"' in answer.text
    assert "secret" not in answer.text


def test_a_password_that_is_changed_too_often_is_said_on_the_same_page(admin):
    for _ in range(10):
        admin.post("/me/password", current="wrong", password="x")
    answer = waited(admin.post("/me/password", current="wrong guess", password="secret words of mine"))
    assert "Change your password" in answer.text or "New password" in answer.text
    assert "secret words" not in answer.text


def test_a_limit_without_a_form_says_for_how_long_to_wait(admin, hub):
    hub.accounts.create("web", "http", {"base_url": "http://127.0.0.1:1"}, "test")
    answers = [admin.post("/connections/web/webhook") for _ in range(11)]
    assert answers[-1].status_code == 429
    seconds = answers[-1].headers["Retry-After"]
    assert f"Wait {seconds} seconds, then try again." in answers[-1].text


def test_every_form_for_visitors_that_has_a_limit_comes_back(app):
    apart = {"pay.posted_back", "pay.complete"}
    """What gateways and their scripts send; nobody typed it."""
    for endpoint, rule in access_rules(app).items():
        methods = {method for one in app.url_map.iter_rules(endpoint) for method in one.methods}
        if rule.limit and rule.role is Role.PUBLIC and "POST" in methods and endpoint not in apart:
            assert rule.again is not None, f"{endpoint} would lose what was typed"
