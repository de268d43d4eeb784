import re

import pytest

from hub.web.pages.connections import setup_markup

SECRETS = {"secret_key": "sk_test_marked_secret_1", "webhook_secret": "whsec_marked_secret_2"}


@pytest.fixture
def stripe(admin):
    done = admin.post("/new-connection/stripe", connection_name="stripe-main", **SECRETS)
    assert done.headers["Location"] == "/connections/stripe-main"
    return "stripe-main"


def version(page):
    return re.search(r'name="version" value="(\d+)"', page)[1]


def test_a_hub_without_connections_says_what_to_do(admin):
    assert "Nothing is connected yet" in admin.page("/connections")
    assert "Stripe" in admin.page("/new-connection")


def test_a_connection_is_made_from_its_form(hub, admin, stripe):
    row = hub.store.connection("stripe-main")
    assert (row.connector, row.settings["api_base"]) == ("stripe", "https://api.stripe.com")
    assert hub.accounts.get("stripe-main").secret("secret_key") == SECRETS["secret_key"]
    assert "stripe-main" in admin.page("/connections")


def test_no_page_ever_shows_a_secret(hub, admin, stripe):
    admin.post("/connections/stripe-main", version="1", webhook_secret="whsec_marked_secret_3")
    addresses = [
        "/",
        "/connections",
        "/connections/stripe-main",
        "/settings",
        "/settings/audit",
        "/recipe-language",
        "/metrics",
        "/events",
    ]
    for address in addresses:
        assert "marked_secret" not in admin.get(address).text, address
    stored = str(hub.store.connection("stripe-main"))
    assert "marked_secret" not in stored


def test_a_refused_form_does_not_send_the_secret_back(admin):
    answer = admin.post("/new-connection/stripe", connection_name="Bad Name", publishable_key="pk_test_1", **SECRETS)
    assert answer.status_code == 422
    assert "Use small letters, digits and hyphens" in answer.text
    assert "marked_secret" not in answer.text
    assert "pk_test_1" in answer.text


def test_what_is_wrong_is_named(hub, admin):
    answer = admin.post("/new-connection/stripe", connection_name="one", publishable_key="nonsense", **SECRETS)
    assert answer.status_code == 422
    assert "publishable_key" in answer.text
    assert hub.store.connection("one") is None


def test_a_name_is_taken_once(hub, admin, stripe):
    answer = admin.post("/new-connection/stripe", connection_name="stripe-main", **SECRETS)
    assert answer.status_code == 422
    assert "already" in answer.text


def test_a_secret_left_empty_stays(hub, admin, stripe):
    admin.post("/connections/stripe-main", version="1", secret_key="", webhook_secret="", publishable_key="pk_test_9")
    connection = hub.accounts.get("stripe-main")
    assert connection.settings["publishable_key"] == "pk_test_9"
    assert connection.secret_versions("webhook_secret") == (SECRETS["webhook_secret"],)


def test_a_new_secret_overlaps_with_the_old_for_a_day(hub, admin, stripe, clock):
    admin.post("/connections/stripe-main", version="1", webhook_secret="whsec_new")
    assert hub.accounts.get("stripe-main").secret_versions("webhook_secret") == ("whsec_new", SECRETS["webhook_secret"])
    assert "The one before is still taken until" in admin.page("/connections/stripe-main")
    clock.forward(hours=25)
    assert hub.accounts.get("stripe-main").secret_versions("webhook_secret") == ("whsec_new",)


def test_two_people_do_not_overwrite_each_other(admin, stripe):
    admin.post("/connections/stripe-main", version="1", publishable_key="pk_test_1")
    answer = admin.post("/connections/stripe-main", version="1", publishable_key="pk_test_2")
    assert answer.status_code == 422
    assert "Somebody else changed the connection" in answer.text
    assert version(admin.page("/connections/stripe-main")) == "2"


def test_the_address_for_webhooks_is_shown_before_and_after(admin, stripe):
    assert "/hooks/stripe</code>" in admin.page("/new-connection/stripe")
    page = admin.page("/connections/stripe-main")
    assert "http://127.0.0.1:8080/hooks/stripe-main</code>" in page
    assert "No webhook has come yet." in page


def test_the_recipes_that_use_a_connection_are_named(admin, recipe):
    admin.post("/new-connection/mail", connection_name="mail", host="")
    assert "thanks" in admin.page("/connections/mail")


def test_the_first_mail_server_takes_the_outboxes_place(hub, admin):
    """Recipes call `mail/send`: under another name the server would get none of their mails."""
    page = admin.page("/new-connection/mail")
    assert named(page) == "mail"
    admin.post("/new-connection/mail", connection_name="mail", host="smtp.example.com", **{"from": "a@example.com"})
    assert hub.accounts.get("mail").settings["host"] == "smtp.example.com"
    assert named(admin.page("/new-connection/mail")) == "mail-2"


def test_a_connection_with_a_key_is_not_what_every_recipe_calls(admin):
    assert named(admin.page("/new-connection/http")) == "http-2"


def named(page):
    """The name that the form of a new connection proposes."""
    field = re.search(r'<input[^>]*name="connection_name"[^>]*>', page)[0]
    return re.search(r'value="([^"]*)"', field)[1]


def test_a_test_that_fails_says_why(hub, admin):
    admin.post(
        "/new-connection/mail",
        connection_name="post",
        host="127.0.0.1",
        port="1",
        security="none",
        auth="none",
        **{"from": "a@example.com"},
    )
    told = admin.post("/connections/post/test", follow=True)
    assert "The test failed:" in told.text
    assert hub.store.connection("post").health["test_ok"] is False
    assert "test failed" in admin.page("/connections")
    assert "Connections whose last test failed" in admin.page("/")


def test_a_connection_is_switched_off_and_deleted(hub, admin, stripe):
    admin.post("/connections/stripe-main/switch", enabled="off")
    assert hub.store.connection("stripe-main").enabled is False
    admin.post("/connections/stripe-main/delete")
    assert hub.store.connection("stripe-main") is None
    trail = [row["action"] for row in hub.store.audit_trail()]
    assert {"connection.create", "connection.disable", "connection.delete"} <= set(trail)


def test_a_viewer_sees_the_form_but_cannot_change_it(people, hub):
    hub.accounts.create("post", "mail", {}, "test")
    page = people["viewer"].page("/connections/post")
    assert "disabled" in page
    assert ">Save<" not in page
    assert people["viewer"].post("/connections/post", version="1").status_code == 403


def test_set_up_steps_mark_words_and_never_markup():
    text = "1. Choose all of `payment_intent.*`, `charge.*`.\n2. **Add** *it* at {webhook_url} <script>."
    assert setup_markup(text, "https://hub.example/hooks/a&b") == (
        "<li>Choose all of <code>payment_intent.*</code>, <code>charge.*</code>.</li>"
        "<li><strong>Add</strong> <em>it</em> at <code data-webhook-url>https://hub.example/hooks/a&amp;b</code> &lt;script&gt;.</li>"
    )
