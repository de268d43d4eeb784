"""Every page, as readers of screens and of small screens meet it."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from hub.commerce.catalogue import Item
from hub.commerce.catalogue_items import save_item
from hub.commerce.job_reading import FOR_CUSTOMER, provider_address
from hub.journal.tables import payments
from hub.money import Money
from hub.payments import ledger
from tests.payments.corner import CornerGateway, plant
from tests.stories.conftest import LiveHub

from .conftest import DESKTOP, HASH, PHONE, log_in, pay
from .test_work import ASK, CONTACT


@pytest.fixture
def live(tmp_path):
    """A hub with a gateway besides the sandbox for which the hub does nearly everything."""
    plant(tmp_path / "hub-data")
    with CornerGateway().running() as corner:
        found = LiveHub(tmp_path / "hub-data", allow_private_addresses="127.0.0.1")
        found.hub.accounts.create("corner", "corner", {"api_base": corner.url, "api_key": "corner-key"}, "test")
        found.hub.store.create_user("admin@example.com", "Admin Person", "admin", HASH, found.clock())
        yield found
        found.close()


AXE = Path(__file__).parents[2] / "ui" / "node_modules" / "axe-core" / "axe.min.js"
NARROWEST, WIDEST = {"width": 360, "height": 740}, {"width": 2560, "height": 1440}

PAGES = [
    "/",
    "/stuck",
    "/odd",
    "/recipes",
    "/recipes?text=nothing",
    "/gallery",
    "/gallery/multi-vendor-shop",
    "/new-recipe",
    "/new-integration",
    "/new-integration?received=form&split=vendors&after=mail&refund=approval",
    "/recipes/contact",
    "/recipes/contact/versions",
    "/recipes/contact/start",
    "/recipes/crm-sync-paid/inputs",
    "/runs",
    "/runs?status=cancelled",
    "RUN",
    "WAITING",
    "/events",
    "EVENT",
    "/send-event",
    "/refusals",
    "/connections",
    "/connections/sandbox",
    "/gateways",
    "/payments",
    "/payments?state=failed",
    "PAYMENT",
    "/subscriptions",
    "SUBSCRIPTION",
    "/plans",
    "/plans/new",
    "PLAN",
    "/coupons",
    "/escrow",
    "HOLD",
    "/payouts",
    "/payouts/all",
    "/ledger",
    "/ledger/accounts/gateway:sandbox",
    "/statements/prv_none",
    "OWED",
    "/refunds",
    "/split-calculator",
    "/reconciliation",
    "/orders",
    "/orders/new",
    "ORDER",
    "/jobs",
    "/jobs/new",
    "JOB",
    "/providers",
    "WORKER",
    "/catalogue",
    "/catalogue/new",
    "/scan",
    "ITEM",
    "/new-connection",
    "/new-connection/stripe",
    "/new-connection/mail",
    "/outbox",
    "MAIL",
    "/templates",
    "/templates/receipt",
    "/settings",
    "/settings/users",
    "/settings/business",
    "/settings/ways-to-pay?amount=10&currency=EUR",
    "/settings/tokens",
    "/settings/webhooks",
    "/api/v1/docs",
    "/settings/audit",
    "/settings/backup",
    "/me",
    "/nowhere",
    "LOGGED OUT /log-in",
    "LOGGED OUT /register",
    "LOGGED OUT ANSWER",
    "LOGGED OUT LINK",
    "LOGGED OUT FORM",
    "LOGGED OUT STATEMENT",
    "LOGGED OUT ORDERED",
    "LOGGED OUT PROVIDER",
    "LOGGED OUT OFFERING",
    "LOGGED OUT CUSTOMER",
    "LOGGED OUT /m",
]


def violations(page):
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {node['html'][:160]} {node['failureSummary'][:300]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


def fill(live, page):
    """A hub in use: something that failed, something that waits, a payment, a refused delivery. Gives addresses."""
    hub = live.hub
    hub.recipes.save("contact", CONTACT.replace("MAIL", "nonsense"), "test")
    hub.recipes.save("contact", CONTACT.replace("MAIL", "still nonsense"), "test", "Another try")
    hub.recipes.save("ask", ASK, "test")
    sample = {"payment": "pay_1", "amount": {"minor": 4900, "currency": "EUR"}}
    _, (failed,) = hub.runs.record("payment.failed", sample, "test")
    _, waiting = hub.runs.record("refund.issued", {"refund": "ref_1", **sample}, "test")
    hub.store.count_refusal("sandbox", "bad_signature", "No signature fits.", hub.now())
    pay(page, live)
    for run in (failed, *waiting):
        page.goto(f"/runs/{run}")
        expect(page.locator(".hub-facts .badge").first).to_contain_text(re.compile("failed|waiting|succeeded"))
    asking = next(run for run in waiting if hub.queries.run(run).summary.recipe == "ask")
    mail = hub.store.mails()[0]["key"]
    question = hub.queries.open_questions()[0]["id"]
    paid = hub.payments.store.list(payments, payments.c.connection == "sandbox")[0]
    tea = Item("TEA", "Green tea", {"EUR": 1250}, stock=5)
    hub.office("tea").change(lambda book: save_item(book, tea, "test"))
    wanted = {"lines": [{"item": "TEA", "quantity": 2}], "customer": {"email": "ada@example.com"}}
    order = hub.payments.act("orders", "create", "6f" * 20, wanted)
    asked = {"connection": "sandbox", "amount": sample["amount"], "needed_until": "2036-01-01T00:00:00Z"}
    hold = hub.payments.act("payments", "hold", "70" * 20, asked)["hold"]
    form = hub.payments.act("sandbox", "form.embed", "6b" * 20, {"amount": sample["amount"], "description": "A book"})
    given = {"name": "Gold", "price": sample["amount"], "interval": {"unit": "month"}}
    plan = hub.payments.act("corner", "plan.create", "6c" * 20, given)["plan"]
    member = {"plan": plan, "method": "m_1", "customer": {"email": "ada@example.com"}}
    joined = hub.payments.act("corner", "subscription.create", "6d" * 20, member)["subscription"]
    grace = {"name": "Grace Hopper", "email": "grace@example.com"}
    provider = hub.payments.act("providers", "register", "71" * 20, grace)["provider"]
    hub.payments.act("providers", "approve", "72" * 20, {"provider": provider})
    asked = {"title": "Move a piano", "place": "Beethovenstraße 12, Berlin", "pay": "direct", "currency": "EUR"}
    job = hub.payments.act("jobs", "post", "73" * 20, {**asked, "customer": {"email": "ada@example.com"}})["job"]
    hub.payments.act("jobs", "offer", "74" * 20, {"job": job, "provider": provider, "price": sample["amount"]})
    owed = Money(1_234_567, "KWD")
    postings = [ledger.Posting(ledger.provider(provider), -owed), ledger.Posting(ledger.BANK, owed)]
    hub.office("owed").change(lambda book: ledger.post(book, "owed", postings, "evt"))
    return {
        "STATEMENT": f"{hub.office('read').address('p', provider)}/statement",
        "PAYMENT": f"/payments/sandbox/{paid.payment}",
        "SUBSCRIPTION": f"/subscriptions/corner/{joined}",
        "PLAN": f"/plans/corner/{plan}",
        "ORDER": f"/orders/{order['order']}",
        "ORDERED": order["url"],
        "OWED": f"/statements/{provider}",
        "JOB": f"/jobs/{job}",
        "WORKER": f"/providers/{provider}",
        "PROVIDER": hub.office("read").address("p", provider),
        "OFFERING": provider_address(hub.office("read"), job, provider),
        "CUSTOMER": hub.office("read").address(FOR_CUSTOMER, job),
        "HOLD": f"/escrow/{hold}",
        "ITEM": "/catalogue/item/TEA",
        "FORM": form["page_url"],
        "LINK": hub.payments.act("corner", "link.create", "6e" * 20, {"amount": sample["amount"]})["url"],
        "RUN": f"/runs/{failed}",
        "WAITING": f"/runs/{asking}",
        "EVENT": f"/events/{hub.queries.run(failed).summary.event_id}",
        "MAIL": f"/outbox/{mail}",
        "ANSWER": hub.answer_address(question, "yes"),
    }


def test_axe_finds_nothing_on_any_page_and_none_is_wider_than_the_screen(live, open_browser):
    """Each page is loaded once, then looked at in light on a desktop, in dark on a phone, and at both ends of the widths."""
    page = log_in(open_browser(reduced_motion="reduce"))
    visitor = open_browser(reduced_motion="reduce")
    addresses = fill(live, page)
    found = []
    for entry in PAGES:
        reader = visitor if entry.startswith("LOGGED OUT ") else page
        name = entry.removeprefix("LOGGED OUT ")
        for look, viewport in (("light", DESKTOP), ("dark", PHONE)):
            reader.emulate_media(color_scheme=look)
            reader.set_viewport_size(viewport)
            if look == "light":
                reader.goto(addresses.get(name, name))
            found += [f"{name} in {look} {one}" for one in violations(reader)]
        for viewport in (NARROWEST, WIDEST):
            reader.set_viewport_size(viewport)
            if reader.evaluate("document.documentElement.scrollWidth > innerWidth"):
                found.append(f"{name} is too wide for {viewport['width']}")
    assert found == []


def test_axe_finds_nothing_in_what_opens(live, open_browser):
    page = log_in(open_browser())
    addresses = fill(live, page)
    for name in ("RUN", "PAYMENT", "ORDER", "HOLD"):
        page.goto(addresses[name])
        page.evaluate("document.querySelectorAll('main details').forEach((one) => { one.open = true; })")
        assert violations(page) == [], name
    page.goto("/recipes/contact")
    page.get_by_role("button", name="Try", exact=True).click()
    expect(page.get_by_role("heading", name="What it would do")).to_be_visible()
    assert violations(page) == []
