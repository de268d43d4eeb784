"""The page of an invoice and its paper: every state said, paid once for a double click, codes that a phone can read."""

import re
from datetime import timedelta

import pypdfium2
import pytest
import zxingcpp

from hub.commerce.invoice_pdf import girocode
from hub.money import Money

ADA = {"email": "ada@example.com", "name": "Ada Lovelace"}
LINES = [
    {"title": "Tea <b>", "quantity": 3, "price": {"minor": 1070, "currency": "EUR"}, "tax_rate": "7"},
    {"title": "Delivery", "price": {"minor": 499, "currency": "EUR"}},
]
BANK = {"holder": "Corner Shop", "iban": "DE89370400440532013000", "bic": "COBADEFFXXX"}
BRAND = {"name": "Corner Shop", "colour": "#0b6e4f", "address": "Main Street 1\nBerlin", "tax_id": "DE123"}


@pytest.fixture
def shop(shop):
    shop.hub.store.put_fact("pay_options", {"corner": {"title": "Card"}, "second": {"title": "Bank"}}, shop.moment)
    return shop


def invoice(shop, **more):
    return shop.do("invoices", "create", {"lines": LINES, "customer": ADA, **more}, str(sorted(more))[:20])


def text_of(html):
    return " ".join(re.sub(r"<[^>]+>", " ", re.sub(r"<(style|script).*?</\1>", "", html, flags=re.DOTALL)).split())


def seen(shop, made, **query):
    answer = shop.visit(made["url"], query_string=query)
    assert answer.status_code == 200
    return text_of(answer.text)


def click(shop, made, key="k1", connection="corner"):
    return shop.visit(made["url"], "POST", data={"connection": connection, "key": key})


def paid(shop, made, payment, minor):
    shop.moment += timedelta(seconds=1)
    amount = {"minor": minor, "currency": "EUR"}
    shop.happen("payment.succeeded", payment=payment, invoice=made["invoice"], amount=amount)


def paper(shop, made):
    """The text of the PDF and what its codes say."""
    answer = shop.visit(made["pdf"])
    assert (answer.status_code, answer.content_type) == (200, "application/pdf")
    pages = list(pypdfium2.PdfDocument(answer.data))
    text = "\n".join(page.get_textpage().get_text_bounded() for page in pages)
    codes = [one.text for page in pages for one in zxingcpp.read_barcodes(page.render(scale=4).to_pil())]
    return re.sub(r"\s+", " ", text), sorted(codes)


def test_the_page_says_what_is_billed_and_offers_every_way(shop):
    said = seen(shop, invoice(shop))
    assert "Invoice 2027-0001 €37.09 Due by: February 14, 2027 Tea &lt;b&gt; × 3 €32.10 Delivery €4.99" in said
    assert "Total €37.09 of which tax 7 % €2.10" in said
    assert "Pay with Card" in said
    assert "Invoice as PDF" in said


@pytest.mark.parametrize(
    ("language", "words"),
    [("de", "Rechnung 2027-0001"), ("es", "Factura 2027-0001"), ("fr", "Facture 2027-0001"), ("hi", "चालान 2027-0001")],
)
def test_the_page_speaks_the_visitors_language(shop, language, words):
    assert words in seen(shop, invoice(shop), lang=language)


def test_a_double_click_begins_one_payment_for_the_invoice(shop):
    made = invoice(shop)
    first, second = click(shop, made), click(shop, made)
    assert first.status_code == second.status_code == 200
    assert first.headers["Refresh"] == second.headers["Refresh"]
    now = shop.do("invoices", "get", {"invoice": made["invoice"]})
    assert [one["connection"] for one in now["payments"]] == ["corner"]


def test_a_way_that_is_not_offered_is_not_taken(shop):
    made = invoice(shop, connections=["second"])
    assert click(shop, made).status_code == 409
    assert click(shop, made, connection="second").status_code == 200


def test_every_state_is_said(shop):
    made = invoice(shop)
    paid(shop, made, "c_1", 1000)
    assert "Paid so far €10.00 Still to pay €27.09" in seen(shop, made)
    shop.forward(days=20)
    assert "It was due by February 14, 2027." in seen(shop, made)
    paid(shop, made, "c_2", 2709)
    said = seen(shop, made)
    assert "Pay with" not in said
    assert "due by" not in said
    paid(shop, made, "c_3", 500)
    assert "You paid €5.00 more than the total." in seen(shop, made)
    assert click(shop, made).status_code == 409


def test_a_void_invoice_says_so_and_takes_nothing(shop):
    made = invoice(shop)
    shop.do("invoices", "void", {"invoice": made["invoice"]}, "step-2")
    assert "This invoice is void." in seen(shop, made)
    assert click(shop, made).status_code == 409
    text, codes = paper(shop, made)
    assert "This invoice is void." in text
    assert codes == []


def test_a_draft_and_a_forged_address_lead_nowhere(shop):
    draft = invoice(shop, draft=True)
    for address in (draft["url"], draft["pdf"], f"{draft['url'][:-4]}AAAA"):
        assert shop.visit(address).status_code == 404


def test_the_paper_says_all_and_its_codes_can_be_scanned(shop):
    shop.hub.store.put_fact("brand", BRAND, shop.moment)
    shop.hub.store.put_fact("bank", BANK, shop.moment)
    made = invoice(shop, note="Thank you.", language="de")
    text, codes = paper(shop, made)
    for words in ("Corner Shop", "Main Street 1", "Steuernummer: DE123", "Rechnung 2027-0001", "Ada Lovelace", "Tea <b>",
                  "Netto", "Steuer 7 %", "37,09", "14. Februar 2027", "Thank you.", "DE89 3704 0044 0532 0130 00"):  # fmt: skip
        assert words in text, words
    transfer = "BCD\n002\n1\nSCT\nCOBADEFFXXX\nCorner Shop\nDE89370400440532013000\nEUR37.09\n\n\n2027-0001"
    assert codes == sorted([made["url"], transfer])


def test_a_paid_invoice_has_no_code_to_pay_it_again(shop):
    made = invoice(shop)
    paid(shop, made, "c_1", 3709)
    assert paper(shop, made)[1] == []


@pytest.mark.parametrize("language", ["en", "de", "es", "fr", "hi"])
def test_no_name_and_no_number_of_lines_breaks_the_paper(shop, language):
    names = ["محمد عبد الله", "山田太郎", "שרה כהן", "अदा लवलेस", "🙂" * 20, "A" * 200]
    lines = [{"title": name, "price": {"minor": 999, "currency": "EUR"}, "tax_rate": "7"} for name in names * 10]
    made = invoice(shop, lines=lines, customer={"name": " ".join(names[:5])}, language=language)
    _, codes = paper(shop, made)
    assert codes == [made["url"]]


@pytest.mark.parametrize("count", range(30, 40))
def test_the_sums_stand_together_on_one_page(shop, count):
    rates = ("5", "7", "19")
    price = {"minor": 1_234_567, "currency": "KWD"}
    lines = [{"title": "Tea", "price": price, "tax_rate": rates[place % 3]} for place in range(count)]
    made = invoice(shop, lines=lines)
    pages = pypdfium2.PdfDocument(shop.visit(made["pdf"]).data)
    texts = [page.get_textpage().get_text_bounded() for page in pages]
    [sums] = [text for text in texts if "Without tax" in text]
    assert all(words in sums for words in ("Tax 5 %", "Tax 7 %", "Tax 19 %", "Total"))


def test_the_paper_is_the_same_each_time(shop):
    made = invoice(shop)
    assert shop.visit(made["pdf"]).data == shop.visit(made["pdf"]).data


@pytest.mark.parametrize(
    ("bank", "money"),
    [
        ({}, Money(100, "EUR")),
        ({"iban": "DE89"}, Money(100, "EUR")),
        (BANK, Money(100, "USD")),
        (BANK, Money(0, "EUR")),
        (BANK, Money(100_000_000_000, "EUR")),
    ],
)
def test_no_transfer_code_where_no_bank_could_take_it(bank, money):
    assert girocode(bank, money, "1") is None
