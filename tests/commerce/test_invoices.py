"""Invoices: numbered without gaps, reckoned, mailed, overdue once, void; from lines or from an order."""

from datetime import timedelta
from email import message_from_bytes, policy

import pytest

from hub.commerce.invoice_reading import find_invoice

ADA = {"email": "ada@example.com", "name": "Ada Lovelace"}
LINES = [
    {"title": "Crate", "quantity": 4, "price": {"minor": 2975, "currency": "EUR"}, "tax_rate": "19"},
    {"title": "Tea", "price": {"minor": 1070, "currency": "EUR"}, "tax_rate": "7"},
]


def eur(minor):
    return {"minor": minor, "currency": "EUR"}


def invoice(shop, key="step-1", **more):
    given = {"lines": LINES, "customer": ADA, **more}
    return shop.do("invoices", "create", {name: one for name, one in given.items() if one is not None}, key)


def state(shop, made):
    return shop.do("invoices", "get", {"invoice": made["invoice"]})


def test_an_invoice_is_reckoned_and_numbered(shop):
    made = invoice(shop)
    assert (made["number"], made["state"], made["total"], made["due"]) == ("2027-0001", "open", eur(12970), eur(12970))
    assert made["taxes"] == [
        {"rate": "7", "net": eur(1000), "tax": eur(70)},
        {"rate": "19", "net": eur(10000), "tax": eur(1900)},
    ]
    assert made["due_at"] == "2027-02-14T23:59:59+00:00"
    assert made["url"].startswith("https://hub.example.com/i/")
    assert made["pdf"] == f"{made['url']}/invoice.pdf"
    told = shop.event("invoice.issued")
    assert {name: told[name] for name in ("invoice", "number", "total", "due", "url", "customer")} == {
        name: made[name] for name in ("invoice", "number", "total", "due", "url", "customer")
    }
    assert told["lines"][0] == {
        "title": "Crate", "quantity": 4, "price": eur(2975), "tax": eur(1900), "total": eur(11900)
    }  # fmt: skip


def test_prices_without_tax_have_it_added(shop):
    assert invoice(shop, tax_included=False)["total"] == eur(14161 + 1145)


def test_the_same_step_makes_one_invoice_and_every_series_counts_for_itself(shop):
    assert invoice(shop) == invoice(shop)
    numbers = [invoice(shop, f"s{n}", series=series)["number"] for n, series in enumerate(("A-", None, "A-", "B"))]
    assert numbers == ["A-0001", "2027-0002", "A-0002", "B0001"]


def test_no_two_series_give_the_same_number(shop):
    asked = ("A", "A1", "2027", None, "2027-", "A10")
    numbers = [invoice(shop, f"s{n}", series=series)["number"] for n, series in enumerate(asked)]
    assert numbers == ["A0001", "A1-0001", "2027-0001", "2027-0002", "2027-0003", "A10-0001"]


def test_a_refused_invoice_uses_no_number(shop):
    error = shop.refused_to("invoices", "create", {"lines": [{"item": "SHADE"}], "currency": "EUR"})
    assert (error.code, error.message) == ("not_found", "Line 1: the catalogue has no item 'SHADE'.")
    assert shop.refused_to("invoices", "create", {}).message == "An invoice needs lines, or the order that it bills."
    assert shop.told() == []
    assert invoice(shop)["number"] == "2027-0001"


def test_a_draft_has_no_number_until_it_is_issued(shop):
    draft = invoice(shop, draft=True)
    assert draft["state"] == "draft"
    assert "number" not in draft
    assert shop.told() == []
    assert shop.refused_to("invoices", "send", {"invoice": draft["invoice"]}).message.endswith("is a draft.")
    issued = shop.do("invoices", "issue", {"invoice": draft["invoice"]}, "step-2")
    assert issued == shop.do("invoices", "issue", {"invoice": "2027-0001"}, "step-3")
    assert (issued["number"], issued["state"]) == ("2027-0001", "open")
    assert shop.told() == ["invoice.issued"]


def test_a_draft_that_is_thrown_away_is_told_to_nobody(shop):
    draft = invoice(shop, draft=True)
    assert shop.do("invoices", "void", {"invoice": draft["invoice"]}, "step-2")["state"] == "void"
    assert shop.told() == []
    assert "is void" in shop.refused_to("invoices", "issue", {"invoice": draft["invoice"]}).message


def test_an_invoice_that_costs_nothing_is_paid_at_once(shop):
    made = invoice(shop, lines=[{"title": "Sample", "price": eur(0)}])
    assert (made["state"], shop.told("invoice")) == ("paid", ["invoice.issued", "invoice.paid"])
    shop.forward(days=20)
    assert "invoice.overdue" not in shop.told("invoice")


def test_an_invoice_is_overdue_once_after_its_day(shop):
    made = invoice(shop, due_in_days=2)
    shop.forward(days=2)
    assert shop.told("invoice") == ["invoice.issued"], "its day is not over"
    shop.forward(days=9)
    assert shop.told("invoice") == ["invoice.issued", "invoice.overdue"]
    assert shop.event("invoice.overdue")["url"] == made["url"]
    assert state(shop, made)["state"] == "open"


def test_a_void_invoice_keeps_its_number_and_is_never_overdue(shop):
    made = invoice(shop)
    gone = shop.do("invoices", "void", {"invoice": made["number"], "reason": "Wrong address"}, "step-2")
    assert gone == shop.do("invoices", "void", {"invoice": made["invoice"]}, "step-3")
    assert (gone["state"], gone["due"], gone["reason"]) == ("void", eur(0), "Wrong address")
    shop.forward(days=20)
    assert shop.told("invoice") == ["invoice.issued", "invoice.void"]
    assert invoice(shop, "step-4")["number"] == "2027-0002"


def test_an_order_is_billed_once_at_a_time(shop):
    order = shop.do("orders", "create", {"lines": LINES, "customer": ADA})
    made = invoice(shop, lines=None, customer=None, order=order["number"])
    assert (made["order"], made["total"], made["customer"]) == (order["order"], order["total"], ADA)
    error = shop.refused_to("invoices", "create", {"order": order["order"]})
    assert (error.code, error.message) == ("wrong_state", "The order 1 is billed already, by the invoice 2027-0001.")
    shop.do("invoices", "void", {"invoice": made["invoice"]}, "step-2")
    assert invoice(shop, "step-3", lines=None, order=order["order"])["number"] == "2027-0002"


def test_of_two_drafts_of_an_order_one_is_issued(shop):
    order = shop.do("orders", "create", {"lines": LINES, "customer": ADA})
    drafts = [invoice(shop, f"draft {n}", lines=None, order=order["order"], draft=True)["invoice"] for n in range(2)]
    issued = shop.do("invoices", "issue", {"invoice": drafts[0]}, "issue")
    error = shop.refused_to("invoices", "issue", {"invoice": drafts[1]})
    assert (error.code, error.message) == ("wrong_state", "The order 1 is billed already, by the invoice 2027-0001.")
    assert issued == shop.do("invoices", "issue", {"invoice": drafts[0]}, "again")
    shop.do("invoices", "void", {"invoice": drafts[0]}, "void")
    assert shop.do("invoices", "issue", {"invoice": drafts[1]}, "instead")["number"] == "2027-0002"


def ordered(shop, key="step-1", **more):
    """An order of the shop's last two lamps."""
    shop.stock("LAMP", 2)
    return shop.do("orders", "create", {"lines": [{"item": "LAMP", "quantity": 2}], "customer": ADA, **more}, key)


def order_state(shop, order):
    return shop.do("orders", "get", {"order": order["order"]})


def test_an_order_does_not_end_while_its_invoice_can_be_paid(shop):
    order = ordered(shop)
    made = invoice(shop, lines=None, order=order["order"])
    assert order_state(shop, order)["expires_at"] == made["due_at"]
    shop.forward(days=20)
    assert "invoice.overdue" in shop.told("invoice")
    now = order_state(shop, order)
    assert (now["state"], shop.left("LAMP")) == ("open", 0), "it is overdue, and can be paid still"
    shop.do("invoices", "void", {"invoice": made["invoice"]}, "step-2")
    shop.forward(days=2)
    assert (order_state(shop, order)["state"], shop.left("LAMP")) == ("expired", 2)


def test_an_order_that_lasts_longer_than_its_invoice_keeps_its_time(shop):
    order = ordered(shop, expires_in="30d")
    invoice(shop, lines=None, order=order["order"], due_in_days=2)
    assert order_state(shop, order)["expires_at"] == order["expires_at"]


def test_an_invoice_is_void_once_its_order_is_cancelled(shop):
    order = ordered(shop)
    made = invoice(shop, lines=None, order=order["order"])
    for key in ("step-2", "step-3"):
        shop.do("orders", "cancel", {"order": order["order"], "reason": "changed their mind"}, key)
    now = state(shop, made)
    assert (now["state"], now["due"], now["reason"]) == ("void", eur(0), "changed their mind")
    assert shop.told("invoice") == ["invoice.issued", "invoice.void"]
    shop.forward(days=20)
    assert "invoice.overdue" not in shop.told("invoice")


@pytest.mark.parametrize("is_draft", [True, False])
def test_an_order_that_is_over_is_not_billed(shop, is_draft):
    order = ordered(shop)
    draft = invoice(shop, lines=None, order=order["order"], draft=True) if is_draft else None
    shop.do("orders", "cancel", {"order": order["order"]}, "step-2")
    asked = ("issue", {"invoice": draft["invoice"]}) if draft else ("create", {"order": order["order"]})
    error = shop.refused_to("invoices", *asked)
    assert (error.code, error.message) == ("wrong_state", "The order 1 is cancelled: nothing is owed for it.")


def test_a_payment_that_names_the_invoice_alone_pays_the_order_too(shop):
    order = ordered(shop)
    made = invoice(shop, lines=None, order=order["order"])
    for number, minor in enumerate((500, 1500)):
        shop.happen("payment.succeeded", payment=f"c_{number}", invoice=made["invoice"], amount=eur(minor))
    assert (state(shop, made)["state"], order_state(shop, order)["state"]) == ("paid", "paid")
    assert shop.told("order") == ["order.placed", "order.paid"]


def test_a_payment_for_a_void_invoice_does_not_pay_its_order(shop):
    order = ordered(shop)
    made = invoice(shop, lines=None, order=order["order"])
    shop.do("invoices", "void", {"invoice": made["invoice"]}, "step-2")
    shop.happen("payment.succeeded", payment="c_1", invoice=made["invoice"], amount=eur(2000))
    assert (shop.event("invoice.overpaid")["reason"], order_state(shop, order)["state"]) == ("void", "open")


@pytest.mark.parametrize(
    ("language", "subject", "words"),
    [
        ("en", "Invoice 2027-0001", "Please pay €129.70 by February 14, 2027."),
        ("de", "Rechnung 2027-0001", "Bitte bezahlen Sie 129,70\N{NO-BREAK SPACE}€ bis zum 14. Februar 2027."),
        ("es", "Factura 2027-0001", "129,70\N{NO-BREAK SPACE}€"),
        ("fr", "Facture 2027-0001", "14 février 2027"),
        ("hi", "चालान 2027-0001", "14 फ़रवरी 2027"),
    ],
)
def test_an_invoice_is_mailed_in_its_language_once(shop, language, subject, words):
    made = invoice(shop, language=language)
    for _ in range(2):
        shop.do("invoices", "send", {"invoice": made["invoice"]}, "step-2")
    (kept,) = shop.hub.store.mails()
    recipient, written, raw, _ = shop.hub.store.mail(kept["key"])
    body = message_from_bytes(raw, policy=policy.default).get_body(("plain",))
    text = body.get_content()
    assert (recipient, written) == ("ada@example.com", subject)
    assert words in text
    assert f"{made['url']}/invoice.pdf" in text


def test_an_invoice_without_an_address_is_not_mailed(shop):
    made = invoice(shop, customer={"name": "Ada"})
    error = shop.refused_to("invoices", "send", {"invoice": made["number"]})
    assert (error.code, error.message) == ("bad_input", "The invoice 2027-0001 names no mail address.")
    assert shop.refused_to("invoices", "get", {"invoice": "2027-9"}).message == "There is no invoice '2027-9'."


def test_every_year_counts_for_itself(shop):
    assert invoice(shop)["number"] == "2027-0001"
    shop.moment = shop.moment.replace(month=12, day=31, hour=23, minute=59)
    assert invoice(shop, "step-2")["number"] == "2027-0002"
    shop.moment += timedelta(minutes=1)
    assert invoice(shop, "step-3")["number"] == "2028-0001"


def test_an_invoice_is_mailed_to_whom_it_is_asked_for_and_none_that_is_void(shop):
    made = invoice(shop)
    sent = shop.do("invoices", "send", {"invoice": made["number"], "to": "books@example.com"}, "step-2")
    assert sent["invoice"] == made["invoice"]
    assert [mail["recipient"] for mail in shop.hub.store.mails()] == ["books@example.com"]
    shop.do("invoices", "void", {"invoice": made["invoice"]}, "step-3")
    error = shop.refused_to("invoices", "send", {"invoice": made["invoice"]})
    assert (error.code, error.message) == ("wrong_state", "The invoice 2027-0001 is void.")


def test_an_invoice_takes_from_its_order_what_is_not_said_anew(shop):
    more = {"metadata": {"desk": "7"}, "connections": ["second"]}
    order = shop.do("orders", "create", {"lines": LINES, "customer": ADA, **more})
    made = invoice(shop, lines=None, customer={"name": "Ada Ltd"}, order=order["order"], tax_included=False)
    with shop.hub.database.read() as connection:
        row = find_invoice(connection, made["number"])
    assert (row.customer, row.metadata, row.connections) == ({"name": "Ada Ltd"}, more["metadata"], ["second"])
    assert (row.tax_included, made["total"]) == (True, order["total"]), "an order's prices hold their tax"
