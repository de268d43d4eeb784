"""What is typed wrongly into the forms of orders, invoices, jobs, providers and access is said at its field; nothing is lost."""

import re
from html import unescape

import pytest

from hub.commerce.catalogue import Item
from hub.commerce.catalogue_items import save_item

LONG = "x" * 10_000
ADA = {"name": "Ada", "email": "ada@example.com"}
FORMS = {
    "/orders/new": {**ADA, "lines": "2 TEA-01\n1 Delivery = 4.90", "currency": "EUR", "description": "For you"},
    "/invoices/new": {
        **ADA, "lines": "1 Crate = 5", "currency": "EUR", "tax_rate": "19", "due_in_days": "14", "language": "en",
        "series": "R-", "description": "Thanks",
    },
    "/jobs/new": {
        **ADA, "title": "Portraits", "kind": "shoot", "skills": "portrait", "date": "2027-02-10", "region": "Berlin",
        "place": "Mitte", "description": "Two hours", "price": "249", "currency": "EUR", "how": "assign",
    },
    "/access": {"email": "ada@example.com", "resource": "all-courses", "title": "All", "day": "2027-02-10"},
    "PROVIDER": {"name": "Grace", "phone": "1", "skills": "portrait", "region": "Berlin", "rating": "4"},
}  # fmt: skip
ADDRESSES = ("nobody", "a@b", f"{LONG}@example.com", "<script>@example.com", "🚚@example.com")
CURRENCIES = ("XXQ", LONG, "€", "<script>", "مرحبا")
WRONG = {
    ("/orders/new", "lines"): (
        "", "0 TEA-01", "9 TEA-01", "99999999999999999999 TEA-01", "1 NOTHING", "1 Tea = 1e9", "1 Tea = -5",
        "1 Tea = १२", "1 Tea = 4.905", "1 Tea = 1,5", "1 Tea = NaN", "1 Tea =", "1 = 5", f"1 {LONG} = 5", LONG,
        "1 🚚 = x", "1000000 Tea = 99999999999",
    ),
    ("/invoices/new", "lines"): ("", "0 Tea = 1", "1 Tea = 1.005", f"1 {LONG} = 5", "1 <b> = x"),
    ("/invoices/new", "tax_rate"): ("101", "-1", "1e1", "much", "१९", LONG),
    ("/invoices/new", "series"): ("-", LONG, "<script>", "🚚"),
    ("/invoices/new", "due_in_days"): ("", "-1", "366", "1e1", "१२", LONG),
    ("/jobs/new", "price"): ("0", "-1", "1e9", "1.005", "१२", "1,50", "NaN", LONG),
    ("/jobs/new", "date"): ("2027-02-30", "tomorrow", "१२", LONG),
    ("/jobs/new", "title"): ("", LONG),
    ("/jobs/new", "kind"): ("Photo Shoot", LONG),
    ("/jobs/new", "skills"): (LONG, ",".join(f"s{number}" for number in range(21))),
    ("/jobs/new", "region"): (LONG,),
    ("/jobs/new", "place"): (LONG,),
    ("/access", "resource"): ("", LONG),
    ("/access", "title"): (LONG,),
    ("/access", "day"): ("tomorrow", "2027-02-30", "9999-12-31x", LONG),
    ("PROVIDER", "name"): (" ", LONG),
    ("PROVIDER", "rating"): ("5.1", "-1", "1e0", "४", LONG),
    **{("PROVIDER", name): (LONG,) for name in ("phone", "region", "skills", "account-shop")},
    **{(page, "currency"): CURRENCIES for page in ("/orders/new", "/invoices/new")},
    ("/jobs/new", "currency"): ("", *CURRENCIES),
    **{(page, "email"): ADDRESSES for page in ("/orders/new", "/invoices/new", "/jobs/new")},
    ("/access", "email"): ("", *ADDRESSES),
    **{(page, name): (LONG,) for page in ("/orders/new", "/invoices/new", "/jobs/new") for name in ("name", "description")},
}  # fmt: skip


@pytest.fixture
def post(hub, admin):
    """Sends one of the forms."""
    tea = Item("TEA-01", "Green tea", {"EUR": 1250}, stock=5)
    hub.office("tea").change(lambda book: save_item(book, tea, "test"))
    keys = {"secret_key": "sk_test_made_up", "webhook_secret": "whsec_made_up"}
    hub.accounts.create("shop", "stripe", keys, "test")
    grace = {"name": "Grace", "email": "grace@example.com"}
    provider = hub.payments.act("providers", "register", "6a" * 20, grace)["provider"]
    address = {"PROVIDER": f"/providers/{provider}"}
    return lambda page, **typed: admin.post(address.get(page, page), key="k1", **typed)


def field_of(page, name):
    """The field of this name as it stands in a page: its markup, and what is typed in it."""
    markup = re.search(rf'<(?:input|textarea)[^>]* name="{re.escape(name)}"[^>]*>(?:[^<]*</textarea>)?', page)[0]
    text = re.search(r">\n?([^<]*)</textarea>", markup) or re.search(r' value="([^"]*)"', markup)
    return markup, unescape(text[1])


@pytest.mark.parametrize(("page", "name"), WRONG)
def test_it_is_said_at_the_field_and_all_that_was_typed_stays(post, page, name):
    for typed in WRONG[page, name]:
        answer = post(page, **{**FORMS[page], name: typed})
        assert answer.status_code == 422, typed[:40]
        markup, shown = field_of(answer.text, name)
        assert 'aria-invalid="true"' in markup, typed[:40]
        assert shown.strip() == typed.strip()
        said = re.search(rf'id="{re.escape(name)}-hint"><div class="text-red" role="alert">([^<]+)', answer.text)[1]
        assert 8 < len(unescape(said)) < 400, "a sentence, without the ten thousand characters"
        for other, value in FORMS[page].items():
            if other not in {name, "how", "language"}:
                assert field_of(answer.text, other)[1] == value


@pytest.mark.parametrize("page", FORMS)
def test_what_is_right_is_taken(post, page):
    words = {"name": "<script>alert(1)</script> מַיָה 🚚"} if "name" in FORMS[page] else {}
    assert post(page, **{**FORMS[page], **words}).status_code == 303
