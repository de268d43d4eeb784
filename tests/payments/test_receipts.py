"""Receipts: one for each payment, numbered without gaps, on paper in the payer's language, and true after a refund."""

from __future__ import annotations

import io
from datetime import timedelta

import pypdfium2
import pytest
from babel.dates import format_date

from hub.errors import ActionError
from hub.journal.entries import Happening
from hub.money import Money
from hub.phrases import LANGUAGES, phrase

ADA = {"name": "Ada Lovelace", "email": "ada@example.com", "address": {"line1": "12 High Street", "city": "London"}}
BRAND = {"name": "Animal Shelter", "address": "1 Farm Lane\nOxford", "email": "us@shelter.example", "colour": "#0b6e4f"}
GIFT = Money(1234, "EUR")


@pytest.fixture
def charity(corner):
    corner.hub.store.put_fact("brand", BRAND, corner.moment)
    return corner


def happen(corner, event_type, payment="pay_1", source="corner", **data):
    subject = data.get("refund") or data.get("dispute") or data.get("subscription") or payment
    told = {"payment": payment, **data}
    happening = Happening(event_type, source, f"{event_type}:{subject}:{payment}", told, corner.moment)
    corner.hub.recorder.record(happening, corner.moment)


def paid(corner, payment="pay_1", amount=GIFT, **data):
    happen(corner, "payment.succeeded", payment, amount=amount.to_json(), **{"customer": ADA, **data})


def receipt(corner, payment="pay_1", key="step", **given):
    given = {"payment": payment, **given}
    return corner.hub.payments.act("payments", "receipt", key.encode().hex().ljust(40, "0")[:40], given)


def lines_of(content):
    pages = list(pypdfium2.PdfDocument(io.BytesIO(content)))
    text = "\n".join(page.get_textpage().get_text_bounded() for page in pages)
    return " ".join(text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ").split())


def paper(corner, made):
    answer = corner.visit(made["pdf"])
    assert (answer.status_code, answer.content_type) == (200, "application/pdf")
    assert answer.headers["Content-Disposition"] == f'inline; filename="receipt-{made["number"]}.pdf"'
    return lines_of(answer.data)


def test_numbers_have_no_gaps_and_a_payment_keeps_its_own(charity):
    for payment in ("p_1", "p_2", "p_3"):
        paid(charity, payment)
    asked = [("p_1", "a", "GIFT"), ("p_2", "b", "GIFT"), ("p_1", "c", "OTHER"), ("p_3", "d", "GIFT")]
    numbers = [receipt(charity, payment, key, series=series)["number"] for payment, key, series in asked]
    assert numbers == ["GIFT-00001", "GIFT-00002", "GIFT-00001", "GIFT-00003"]


def test_without_a_series_the_year_of_the_payment_begins_the_number(charity):
    paid(charity)
    charity.moment += timedelta(days=340)
    assert receipt(charity)["number"] == "2027-00001"


def test_a_payment_that_brought_nothing_in_gets_no_receipt_and_takes_no_number(charity):
    happen(charity, "payment.created", "p_open", amount=GIFT.to_json())
    for payment, code in (("p_open", "wrong_state"), ("p_unknown", "not_found")):
        with pytest.raises(ActionError) as caught:
            receipt(charity, payment)
        assert caught.value.code == code
    paid(charity)
    assert receipt(charity)["number"] == "2027-00001"


@pytest.mark.parametrize("language", list(LANGUAGES))
@pytest.mark.parametrize("amount", [Money(123_456_789, "EUR"), Money(3000, "JPY"), Money(12_345, "KWD")], ids=str)
def test_the_paper_says_everything_in_the_payers_language(charity, language, amount):
    paid(charity, amount=amount, metadata={"language": language})
    purpose = {code: f"Purpose in {code}" for code in LANGUAGES}
    made = receipt(charity, kind="donation", series="GIFT-2027", purpose=purpose)
    assert (made["number"], made["language"]) == ("GIFT-2027-00001", language)
    text = paper(charity, made)
    day = format_date(charity.moment.date(), "long", language)
    for words in (
        "Animal Shelter 1 Farm Lane Oxford us@shelter.example",
        "GIFT-2027-00001",
        day,
        "Ada Lovelace 12 High Street London ada@example.com",
        amount.format(language).replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " "),
        f"Purpose in {language}",
        "pay_1",
    ):
        assert words in text
    if language != "hi":  # its letters are drawn joined, and come out of the file in the order in which they are drawn
        title = phrase(language, "receipt.title_donation", number="GIFT-2027-00001")
        assert f"{title} {phrase(language, 'receipt.issued')}: {day}" in text
        assert f"{phrase(language, 'receipt.frequency')} {phrase(language, 'receipt.once')}" in text


def test_exact_figures_stand_in_every_currency(charity):
    for number, (amount, said) in enumerate(
        [(Money(5, "EUR"), "€0.05"), (Money(1, "JPY"), "¥1"), (Money(1_000_001, "KWD"), "KWD1,000.001")]
    ):
        paid(charity, f"p_{number}", amount)
        text = paper(charity, receipt(charity, f"p_{number}", str(number)))
        assert f"Amount{said}Received" in text.replace(" ", "")


def test_a_purpose_that_is_not_said_in_the_language_is_said_in_english(charity):
    paid(charity)
    text = paper(charity, receipt(charity, language="fr", purpose={"de": "Tiere", "en": "Animals"}))
    assert "Objet Animals" in text


def test_a_gift_of_a_month_says_its_period(charity):
    monthly = {"subscription": "sub_1", "amount": GIFT.to_json(), "customer": ADA}
    happen(charity, "payment.succeeded", "p_1", **monthly)
    period = {"start": "2027-01-31T09:00:00Z", "end": "2027-02-28T09:00:00Z"}
    happen(charity, "subscription.renewed", "p_1", plan="pln_1", period=period, **monthly)
    happen(charity, "payment.succeeded", "p_2", **monthly)
    text = paper(charity, receipt(charity, "p_1", kind="donation"))
    assert "How often Recurring, for January 31, 2027 to February 27, 2027" in text
    assert "How often Recurring Payment" in paper(charity, receipt(charity, "p_2", "other")), "no period was told"


def test_what_went_back_stands_on_the_paper_and_the_number_stays(charity):
    paid(charity)
    made = receipt(charity)
    happen(charity, "refund.issued", refund="r_1", amount=Money(234, "EUR").to_json())
    text = paper(charity, made)
    assert "Went back €2.34 This receipt holds for €10.00" in text
    assert "no longer holds" not in text
    happen(charity, "refund.issued", refund="r_2", amount=Money(1000, "EUR").to_json())
    text = paper(charity, receipt(charity, key="again"))
    assert "Receipt 2027-00001 This receipt no longer holds. The whole amount went back." in text
    assert "Amount €12.34 Went back €12.34 This receipt holds for €0.00" in text


@pytest.mark.parametrize("how", ["lost", "returned", "won"])
def test_a_lost_dispute_and_a_returned_debit_take_it_back_too(charity, how):
    paid(charity)
    made = receipt(charity)
    if how == "returned":
        happen(charity, "payment.returned", amount=GIFT.to_json())
    else:
        happen(charity, "dispute.opened", dispute="d_1", amount=GIFT.to_json(), reason="fraud")
        happen(charity, "dispute.closed", dispute="d_1", amount=GIFT.to_json(), outcome=how)
    assert ("no longer holds" in paper(charity, made)) is (how != "won")


def test_the_same_receipt_is_the_same_paper_on_another_day(charity):
    paid(charity)
    made = receipt(charity)
    first = charity.visit(made["pdf"]).data
    charity.forward(days=1)
    assert charity.visit(made["pdf"]).data == first


@pytest.mark.parametrize("name", ["מַרְיָם כהן", "عائشة بنت أحمد", "नरेन्द्र", "佐藤 花子", "🎉", "x" * 10_000, "<script>"])
def test_no_name_breaks_the_paper(charity, name):
    paid(charity, customer={"name": name})
    assert "pay_1" in paper(charity, receipt(charity))


def test_an_address_that_was_changed_leads_nowhere(charity):
    paid(charity)
    assert charity.visit(f"{receipt(charity)['pdf'][:-4]}AAAA").status_code == 404


def test_two_connections_may_know_a_payment_by_the_same_name(charity):
    charity.hub.accounts.create("second", "corner", {"api_base": charity.gateway.url, "api_key": "corner-key"}, "test")
    paid(charity)
    paid(charity, source="second", amount=Money(99, "EUR"))
    with pytest.raises(ActionError, match="Two connections know"):
        receipt(charity)
    first, second = (receipt(charity, key=name, connection=name) for name in ("corner", "second"))
    assert (first["number"], second["number"]) == ("2027-00001", "2027-00002")
    assert "Amount €0.99" in paper(charity, second)
