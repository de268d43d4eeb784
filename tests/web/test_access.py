import re

import pytest

from hub.web.access import Role, access_rules

from .conftest import ROLES

RANK = {"visitor": Role.PUBLIC, "viewer": Role.VIEWER, "editor": Role.EDITOR, "admin": Role.ADMIN}
ENDS_THE_SESSION = {"account.do_log_out"}


def endpoints(app):
    """Each endpoint with its method and an address of it, arguments made up."""
    for rule in app.url_map.iter_rules():
        method = "POST" if "POST" in rule.methods else "GET"
        address = re.sub(r"<(?:(\w+):)?(\w+)>", lambda match: "1" if match[1] == "int" else "x", rule.rule)
        yield rule.endpoint, method, address


def test_every_endpoint_says_which_role_it_needs(app):
    assert {endpoint for endpoint, _, _ in endpoints(app)} == set(access_rules(app))


def test_nothing_is_changed_by_opening_an_address(app):
    for rule in app.url_map.iter_rules():
        assert rule.methods - {"HEAD", "OPTIONS"} in ({"GET"}, {"POST"}), rule
    changing = {endpoint for endpoint, method, _ in endpoints(app) if method == "POST"}
    assert {"runs.cancel", "recipes.delete", "connections.delete", "account.do_log_out"} <= changing


def test_only_what_must_be_is_public(app):
    rules = access_rules(app).items()
    public = {endpoint for endpoint, rule in rules if rule.role is Role.PUBLIC and not rule.scope}
    assert public == {
        "static",
        "account.log_in",
        "account.do_log_in",
        "account.set_up",
        "account.do_set_up",
        "answers.show",
        "answers.answer",
        "api.docs",
        "api.openapi",
        "catalogue.picture",
        "form_page.embed_script",
        "form_page.pay",
        "form_page.send",
        "form_page.show",
        "form_page.standing",
        "invoice.paper",
        "invoice.pay",
        "link.pay",
        "invoice.show",
        "link.show",
        "job_page.act",
        "job_page.show",
        "pay.link",
        "pay.click",
        "pay.show",
        "pay.begin",
        "pay.came_back",
        "pay.posted_back",
        "pay.complete",
        "pay.form_script",
        "portal.act",
        "portal.front",
        "portal.send",
        "portal.show",
        "probes.healthz",
        "probes.readyz",
        "probes.metrics",
        "provider_page.answer",
        "provider_page.do_register",
        "provider_page.job",
        "provider_page.keep",
        "provider_page.portal",
        "provider_page.register",
        "provider_statement.paper",
        "provider_statement.show",
        "provider_statement.table",
        "receipts.paper",
        "shop.pay",
        "shop.show",
    }


def test_only_signed_addresses_take_what_other_sites_post(app):
    open_to_others = {endpoint for endpoint, rule in access_rules(app).items() if rule.cross_site}
    assert open_to_others == {
        "form_page.pay",
        "form_page.send",
        "invoice.pay",
        "link.pay",
        "pay.begin",
        "pay.click",
        "pay.complete",
        "pay.posted_back",
        "portal.act",
        "portal.send",
        "job_page.act",
        "provider_page.answer",
        "provider_page.do_register",
        "provider_page.keep",
        "shop.pay",
    }


@pytest.mark.parametrize("who", RANK)
def test_every_endpoint_lets_in_exactly_the_roles_that_it_names(app, people, who):
    person, rules = people[who], access_rules(app)
    token = person.token()
    for endpoint, method, address in sorted(endpoints(app)):
        if endpoint in ENDS_THE_SESSION or rules[endpoint].role is Role.PUBLIC:
            continue
        answer = person.client.open(address, method=method, data={"csrf_token": token} if method == "POST" else None)
        if RANK[who] >= rules[endpoint].role:
            assert answer.status_code != 403, (endpoint, who)
            assert not answer.headers.get("Location", "").startswith("/log-in"), (endpoint, who)
        elif who == "visitor":
            assert answer.status_code == 303, endpoint
            assert answer.headers["Location"].startswith("/log-in"), endpoint
        else:
            assert answer.status_code == 403, (endpoint, who)


def test_a_lost_role_is_lost_at_once(hub, people):
    editor = people["editor"]
    assert editor.get("/new-recipe").status_code == 200
    hub.store.update_user(hub.store.user(email="editor@example.com").id, role="viewer")
    assert editor.get("/new-recipe").status_code == 403


def test_who_may_not_do_something_is_told_which_role_it_needs(people):
    page = people["viewer"].get("/settings/users")
    assert "This needs the role admin; yours is viewer." in page.text


def test_a_role_that_does_not_exist_may_nothing(hub, people):
    hub.store.update_user(hub.store.user(email="viewer@example.com").id, role="god")
    assert people["viewer"].get("/runs").status_code == 403


def test_buttons_that_a_reader_may_not_press_are_not_shown(people, recipe):
    assert "New recipe" not in people["viewer"].page("/recipes")
    assert "New recipe" in people["editor"].page("/recipes")
    assert all("Log out" in people[role].page("/") for role in ROLES)
