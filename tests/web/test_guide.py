"""The page New integration: asks, shows what fits, makes the files once, and says at the field what is wrong."""

from __future__ import annotations

import pytest

GOOD = {
    "received": "form",
    "split": "none",
    "period": "once",
    "fee": "platform",
    "after": "mail",
    "refund": "yes",
    "name": "summer-course",
    "title": "Summer course",
    "connection": "shop",
    "currency": "eur",
    "amount": "49.00",
}


@pytest.fixture
def shop(hub):
    fields = {"api_base": "http://127.0.0.1/sandbox/v1", "api_key": "sbx_test_1", "webhook_secret": "whsec_1"}
    hub.accounts.create("shop", "sandbox", fields, "test")


def test_the_six_questions_are_asked(admin):
    page = admin.page("/new-integration")
    for asked in ("How is the money received?", "Is it split?", "One-time or recurring?", "Is it refundable?"):
        assert asked in page
    assert "Which gateways fit" not in page


def test_the_answers_show_what_fits_and_why_the_others_do_not(admin, hub):
    page = admin.page("/new-integration?received=form&split=none&period=once&fee=platform&after=crm&refund=yes")
    assert "Which gateways fit" in page
    reason = hub.registry.get("moneygram").manifest.capabilities["single_payment"].reason
    assert reason.split("'")[0][:40] in page
    assert "None of your connections fits yet" in page
    assert "tells the CRM" in page


def test_with_a_connection_the_steps_at_the_gateway_stand_there(admin, shop):
    page = admin.page("/new-integration?received=link&refund=approval")
    assert "/hooks/shop" in page
    assert "Events to tick there" in page
    assert "Settings, Business" in page


def test_it_makes_the_form_and_the_recipes_and_leads_to_them(hub, admin, shop):
    answer = admin.post("/new-integration", **GOOD)
    assert (answer.status_code, answer.headers["Location"]) == (
        303,
        "/new-integration/summer-course?received=form&refund=yes",
    )
    assert {row.name: row.enabled for row in hub.store.recipes()} == {
        "summer-course": True,
        "summer-course-refund": True,
    }
    assert 'EUR: {fixed: "49.00"}' in hub.store.file("form", "summer-course")
    page = admin.page(answer.headers["Location"])
    assert page.count("1 of 1 test passed") == 2
    assert 'href="/f/summer-course"' in page
    assert "/hooks/shop" in page
    form = admin.page("/f/summer-course")
    assert "Summer course" in form
    assert "49.00" in form


def test_what_is_there_is_never_overwritten(hub, admin, shop):
    admin.post("/new-integration", **GOOD)
    again = admin.post("/new-integration", **{**GOOD, "title": "Another"})
    assert again.status_code == 422
    assert "recipes/summer-course.yaml" in again.text
    assert "is there already" in again.text
    assert "Another" not in hub.store.recipe("summer-course").text


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("name", "Summer Course", "small letters"),
        ("name", "x" * 61, "small letters"),
        ("title", "", "Give it a title"),
        ("title", "x" * 10_000, "at most 120"),
        ("connection", "nowhere", "Choose a connection"),
        ("amount", "0", "above zero"),
        ("amount", "1.005", "2 decimals"),
        ("currency", "EURO", "EURO"),
        ("title", "夏", "small letters"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_made(hub, admin, shop, field, typed, said):
    answer = admin.post("/new-integration", **{**GOOD, **({"name": ""} if field == "title" else {}), field: typed})
    assert answer.status_code == 422
    assert said in answer.text
    assert 'role="alert"' in answer.text
    assert hub.store.recipes() == []
    assert hub.store.files("form") == {}


def test_the_name_is_made_from_the_title_when_none_is_typed(hub, admin, shop):
    answer = admin.post("/new-integration", **{**GOOD, "name": "", "title": "Été: course n° 1!"})
    assert answer.status_code == 303
    assert "ete-course-n-1" in {row.name for row in hub.store.recipes()}


def test_who_changes_an_answer_keeps_what_they_typed(admin, shop):
    page = admin.page(
        "/new-integration?received=form&split=none&title=My+%3Cb%3Eclub&amount=1.005&currency=JPY&name=club"
    )
    for typed in ("My &lt;b&gt;club", 'value="1.005"', 'value="JPY"', 'value="club"'):
        assert typed in page
    assert 'name="csrf_token"' not in page.partition('<form id="guide"')[2].partition("</form>")[0]


def test_answers_that_do_not_go_together_are_said_at_the_question_and_cannot_be_made(hub, admin, shop):
    asked = {"received": "link", "split": "none", "period": "recurring", "fee": "vendors"}
    page = admin.page("/new-integration?" + "&".join(f"{name}={value}" for name, value in asked.items()))
    assert 'id="refused-period"' in page
    assert 'id="refused-fee"' in page
    assert "Some of these answers do not go together" in page
    assert "Make it and switch it on" not in page
    answer = admin.post("/new-integration", **{**GOOD, **asked})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert hub.store.recipes() == []


def test_a_share_goes_to_a_provider_who_is_there(hub, admin, shop):
    asked = {**GOOD, "split": "provider", "fee": "vendors"}
    page = admin.page("/new-integration?received=form&split=provider&fee=vendors")
    assert "let somebody register, and approve them" in page
    assert admin.post("/new-integration", **asked, provider="prv_1").status_code == 422
    given = {"name": "Grace Hopper", "email": "grace@example.com"}
    provider = hub.payments.act("providers", "register", "a" * 40, given)["provider"]
    assert "Grace Hopper" not in admin.page("/new-integration?received=form&split=provider&fee=vendors")
    hub.payments.act("providers", "approve", "b" * 40, {"provider": provider})
    assert "Grace Hopper" in admin.page("/new-integration?received=form&split=provider&fee=vendors")
    assert admin.post("/new-integration", **asked, provider="prv_1").status_code == 422
    assert admin.post("/new-integration", **asked, provider=provider).status_code == 303
    assert f'provider: {{type: string, default: "{provider}"' in hub.store.recipe("summer-course").text


def test_what_is_told_is_told_by_a_connection_that_can(hub, admin, shop):
    asked = {**GOOD, "after": ["crm", "team"]}
    answer = admin.post("/new-integration", **asked)
    assert answer.status_code == 422
    for missing in ("connect your CRM first", "connect Slack first"):
        assert missing in answer.text
    hub.accounts.create("my-crm", "sandbox_crm", {"api_base": "http://127.0.0.1/crm", "token": "sbc_1"}, "test")
    hub.accounts.create("sales", "slack", {"webhook_url": "https://hooks.slack.com/services/made/up"}, "test")
    assert admin.post("/new-integration", **asked, crm="my-crm", team="my-crm").status_code == 422
    assert admin.post("/new-integration", **asked, crm="my-crm", team="sales").status_code == 303
    text = hub.store.recipe("summer-course").text
    assert 'crm: {type: string, default: "my-crm"' in text
    assert 'team: {type: string, default: "sales"' in text


@pytest.mark.parametrize("typed", ["", "www.example.com", "https://www.example.com/shop", "javascript:alert(1)"])
def test_a_form_in_ones_own_site_asks_which_site(hub, admin, shop, typed):
    answer = admin.post("/new-integration", **{**GOOD, "received": "embedded", "site": typed})
    assert answer.status_code == 422
    assert "Write the address of your site" in answer.text
    answer = admin.post("/new-integration", **{**GOOD, "received": "embedded", "site": "https://www.example.com/"})
    assert answer.status_code == 303
    assert 'embed: ["https://www.example.com"]' in hub.store.file("form", "summer-course")


@pytest.mark.parametrize("asked", ["period=held", "period=once&after=provider"])
def test_what_takes_jobs_is_made_by_a_story(admin, shop, asked):
    page = admin.page(f"/new-integration?received=form&{asked}")
    assert "Install it and switch it on" in page
    assert "Make it and switch it on" not in page
    assert 'action="/gallery/' in page
    assert (
        admin.post("/new-integration", **{**GOOD, **dict(one.split("=") for one in asked.split("&"))}).status_code
        == 422
    )


def test_an_answer_that_is_none_is_refused(admin, shop):
    answer = admin.get("/new-integration?received=pigeon")
    assert answer.status_code == 422
    assert "is no answer" in answer.text


def test_viewers_look_and_editors_make(people, shop):
    assert "Make it and switch it on" not in people["viewer"].page("/new-integration?received=form")
    assert people["viewer"].post("/new-integration", **GOOD).status_code == 403
    assert people["editor"].post("/new-integration", **GOOD).status_code == 303
