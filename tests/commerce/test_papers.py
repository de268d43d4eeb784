"""Mails carry the hub's papers: exact, the same on another day, nobody's secrets in the records, and said when they cannot be."""

import io
import json
from email import message_from_bytes, policy

import pypdfium2
import pytest
import sqlalchemy as sa

from hub.connect.registry import Registry
from hub.engine.context import Installation, check_context
from hub.journal.tables_office import calls
from hub.money import Money
from hub.payments import ledger
from hub.recipes.checker import check_recipe

ADA = {"email": "ada@example.com", "name": "Ada Lovelace"}
LINES = [{"title": "Tea", "quantity": 3, "price": {"minor": 1070, "currency": "EUR"}, "tax_rate": "7"}]
MAIL = {"to": "ada@example.com", "subject": "Paper", "text": "Here it is."}
GRACE = {"name": "Grace Hopper", "email": "grace@example.com"}


def invoice(shop, **more):
    return shop.do("invoices", "create", {"lines": LINES, "customer": ADA, **more}, "invoice")


def mail(shop, *papers, key="mail"):
    return shop.do("mail", "send", {**MAIL, "attachments": list(papers)}, key)


def attached(shop, message_id):
    """The files of a mail in the outbox: name -> bytes."""
    message = message_from_bytes(shop.hub.store.mail(message_id)[2], policy=policy.default)
    return {part.get_filename(): part.get_content() for part in message.iter_attachments()}


def text_of(content):
    pages = pypdfium2.PdfDocument(io.BytesIO(content))
    return "\n".join(page.get_textpage().get_text_bounded() for page in pages).replace("\N{NO-BREAK SPACE}", " ")


def paper(shop, *papers, key="mail"):
    """The only file of a mail, and its name."""
    ((name, content),) = attached(shop, mail(shop, *papers, key=key)["sent"][0]["message_id"]).items()
    return name, content


@pytest.mark.parametrize("by", ["invoice", "number"])
def test_an_invoice_goes_with_a_mail_as_the_paper_that_its_page_gives(shop, by):
    made = invoice(shop)
    name, content = paper(shop, {"invoice": made[by]})
    assert name == "invoice-2027-0001.pdf"
    assert "Total €32.10" in " ".join(text_of(content).split())
    assert content == shop.visit(made["pdf"]).data


def test_the_same_invoice_is_the_same_paper_on_another_day(shop):
    made = {"invoice": invoice(shop)["invoice"]}
    first = paper(shop, made)[1]
    shop.forward(days=1)
    assert paper(shop, made, key="tomorrow")[1] == first


def test_a_step_that_is_repeated_leaves_one_mail(shop):
    made = {"invoice": invoice(shop)["invoice"]}
    assert mail(shop, made) == mail(shop, made)
    assert len(shop.hub.store.mails()) == 1


def test_an_invoice_that_is_mailed_carries_its_paper(shop):
    made = invoice(shop, language="de")
    shop.do("invoices", "send", {"invoice": made["invoice"]}, "send")
    (kept,) = shop.hub.store.mails()
    ((name, content),) = attached(shop, kept["key"]).items()
    assert (name, "Rechnung 2027-0001" in text_of(content)) == ("invoice-2027-0001.pdf", True)
    with shop.hub.database.read() as connection:
        output = connection.scalar(sa.select(calls.c.output))
    assert output["attachments"] == [{"name": name, "bytes": len(content)}]
    assert "Lovelace" not in json.dumps(output), "what stands on paper is not written down again"


def test_a_statement_of_a_month_goes_with_a_mail(shop):
    provider = shop.do("providers", "register", GRACE, "grace")["provider"]
    share = Money(123_450, "EUR")
    postings = [ledger.Posting(ledger.provider(provider), -share), ledger.Posting("gateway:corner", share)]
    transaction = ledger.Transaction("split:1", postings, "evt", "payment:corner/pay_1", "split")
    shop.office("split").change(lambda book: ledger.post_all(book, [transaction]))
    asked = {"statement": provider, "month": f"{shop.moment:%Y-%m}", "language": "de", "timezone": "Europe/Berlin"}
    name, content = paper(shop, asked)
    assert name == f"statement-{shop.moment:%Y-%m}.pdf"
    text = text_of(content)
    assert "Abrechnung" in text
    assert "Grace Hopper" in text
    assert "1.234,50 €" in text
    shop.forward(days=1)
    assert paper(shop, asked, key="tomorrow")[1] == content


@pytest.mark.parametrize(("spoken", "word"), [({"language": "es"}, "Extracto"), ({}, "Statement")])
def test_a_statement_speaks_the_providers_own_language(shop, spoken, word):
    provider = shop.do("providers", "register", {**GRACE, **spoken}, "grace")["provider"]
    assert word in text_of(paper(shop, {"statement": provider, "month": f"{shop.moment:%Y-%m}"})[1])


@pytest.mark.parametrize("by", ["receipt", "number"])
def test_a_receipt_goes_with_a_mail_as_the_paper_that_the_payer_reads(shop, by):
    shop.happen("payment.succeeded", payment="pay_1", amount={"minor": 1234, "currency": "EUR"}, customer=ADA)
    made = shop.do("payments", "receipt", {"payment": "pay_1", "language": "de", "series": "GIFT"}, "receipt")
    name, content = paper(shop, {"receipt": made[by]})
    assert name == "receipt-GIFT-00001.pdf"
    assert "Betrag 12,34 €" in " ".join(text_of(content).split())
    assert content == shop.visit(made["pdf"]).data


def test_what_has_no_paper_is_said_with_the_remedy_and_nothing_is_mailed(shop):
    draft = invoice(shop, draft=True)
    for asked, code, message, remedy in (
        ({"invoice": "2027-9"}, "not_found", "There is no invoice '2027-9'.", "Check the reference."),
        ({"invoice": draft["invoice"]}, "wrong_state", "is a draft, which nobody outside sees.", "Issue it first"),
        ({"receipt": "GIFT-00009"}, "not_found", "There is no receipt 'GIFT-00009'.", "Check the reference."),
        (
            {"statement": "prv_9", "month": "2027-01"},
            "not_found",
            "There is no provider 'prv_9'.",
            "Check the reference.",
        ),
    ):
        error = shop.refused_to("mail", "send", {**MAIL, "attachments": [asked]}, json.dumps(asked))
        assert error.code == code
        assert message in error.message
        assert remedy in error.remedy
    assert shop.hub.store.mails() == []


def test_a_time_zone_that_there_is_not_is_said(shop):
    provider = shop.do("providers", "register", GRACE, "grace")["provider"]
    asked = {"statement": provider, "month": "2027-01", "timezone": "Mars/Base"}
    error = shop.refused_to("mail", "send", {**MAIL, "attachments": [asked]})
    assert (error.code, error.message) == ("bad_input", "There is no time zone 'Mars/Base'.")


@pytest.mark.parametrize(
    ("attachments", "found"),
    [
        ('[{invoice: "${ event.data.invoice }"}]', []),
        ("[{statement: prv_1, month: 2026-11}]", []),
        ("'${ event.data.paid.minor == `0` && [{invoice: event.data.invoice}] || `[]` }'", []),
        ("${ event.data.number }", ["wrong_type"]),
        ("[{invoise: inv_1}]", ["unknown_input"]),
        ("[{statement: prv_1}]", ["bad_input"]),
        ("[{invoice: inv_1, month: 2026-11}]", ["bad_input"]),
        ("[{statement: prv_1, month: November}]", ["bad_input"]),
        ("inv_1", ["bad_input"]),
    ],
)
def test_the_checker_knows_the_shape_of_attachments(attachments, found):
    head = "hub: 1\nrecipe: papers\non: {event: invoice.issued}\nsteps:\n"
    step = f"  - call: mail/send\n    with:\n      to: a@example.com\n      template: welcome\n      attachments: {attachments}\n"
    around = check_context(Installation(Registry.load(), {"mail": "mail"}, frozenset(), {}))
    assert [one.code for one in check_recipe(head + step, "papers.yaml", around)] == found
