"""What the persons of the stories are written: once, and customers in the language in which they filled in the form."""

import re

import pytest
import requests
import sqlalchemy as sa

from hub.commerce.invoice_reading import find_invoice
from hub.journal.tables_billing import told_subscriptions
from hub.journal.tables_commerce import catalogue_items
from hub.journal.tables_forms import submissions
from hub.payments import ledger

from .town import Town

ADA = {"email": "ada@example.com", "name": "Ada"}


def test_who_can_do_two_things_is_welcomed_once(live):
    town = Town(live, "photo-shoot", "truck-hire", "multi-vendor-shop")
    town.provider("Grace", "portrait", "truck")
    text = town.letter("grace@example.com", "Welcome, Grace: you are approved")
    assert "You are approved for: portrait, truck." in text
    assert re.search(r"http://\S+/p/\S+", text)
    assert len(town.subjects("grace@example.com")) == 1


def test_who_registered_in_french_is_written_to_in_french_whatever_the_input_says(live):
    town = Town(live, "photo-shoot", "truck-hire")
    for recipe in ("provider-welcome", "shoot-mails", "truck-job", "truck-mails"):
        live.hub.recipes.set_inputs(recipe, {"language": "de"}, "test")
    entered = {"f-name": "Grace", "f-email": "grace@example.com", "f-skills": "portrait, truck", "f-region": "Berlin"}
    assert requests.post(f"{live.address}/register?lang=fr", data={"key": "k", **entered}, timeout=30).ok
    grace = town.told("provider.registered")["provider"]
    town.act("providers", "approve", provider=grace)
    assert "Vous êtes admis pour : portrait, truck." in town.letter(
        "grace@example.com", "Bienvenue, Grace : vous êtes des nôtres"
    )
    town.fill_in("shoot", "en", offer="portrait", **{"f-day": "2099-12-05", "f-region": "Berlin"})
    town.pay()
    town.letter("grace@example.com", "Une séance pour vous : portrait, Berlin")
    town.fill_in("transport", "en", **{"f-what": "A piano", "f-route": "Berlin-Kiel", "f-day": "2099-12-06"})
    town.letter("grace@example.com", "Un transport, 2099-12-06")
    live.until(lambda: len(live.events(type="job.posted")) == 2)
    job = next(
        data["job"]
        for data in (live.hub.queries.event(one.id).data for one in live.events(type="job.posted"))
        if data["kind"] == "truck-hire"
    )
    offers = town.act("jobs", "offer", job=job, provider=grace, price={"minor": 5000, "currency": "EUR"})["offers"]
    url = town.act("jobs", "choose", job=job, offer=offers[0]["offer"])["url"]
    town.press_pay(url, do="pay")
    town.pay()
    assert "le client a payé" in town.letter("grace@example.com", "Le transport est à vous")


def test_a_vendor_who_is_approved_is_welcomed_in_the_shops_language(live):
    town = Town(live, "multi-vendor-shop")
    live.hub.recipes.set_inputs("provider-welcome", {"language": "es"}, "test")
    vendor = town.provider("Bea", "goods")
    town.act("providers", "suspend", provider=vendor)
    town.act("providers", "approve", provider=vendor)
    text = town.letter("bea@example.com", "Le damos la bienvenida, Bea")
    assert "Le hemos admitido para: goods." in text
    assert len(town.subjects("bea@example.com")) == 1


def test_the_customer_of_a_shoot_reads_german_and_the_photographer_hindi(live):
    town = Town(live, "photo-shoot")
    live.hub.recipes.set_inputs("shoot-mails", {"language": "hi"}, "test")
    grace = town.provider("Grace", "portrait")
    town.fill_in("shoot", "de", offer="portrait", **{"f-day": "2099-12-05", "f-region": "Berlin"})
    town.pay()
    asked = town.letter("grace@example.com", "आपके लिए एक शूट: portrait, Berlin")
    assert "portrait, Berlin, 2099-12-05।" in asked
    job = town.told("job.assigned")["job"]
    town.act("jobs", "accept", job=job, provider=grace)
    assert re.search(r"http://\S+/c/\S+", town.letter("ada@example.com", "Jemand hat Ihr Shooting angenommen"))
    until = town.act("jobs", "done", job=job)["until"]
    text = town.letter("ada@example.com", "Ihr Shooting ist erledigt")
    assert f"Wenn wir bis zum {int(until[8:10])}. " in text
    assert f" {until[:4]} nichts hören" in text


def test_a_shoot_that_is_cancelled_is_told_to_customer_and_photographer(live):
    town = Town(live, "photo-shoot")
    grace = town.provider("Grace", "portrait")
    town.fill_in("shoot", "fr", offer="portrait", **{"f-day": "2099-12-05", "f-region": "Berlin"})
    town.pay()
    job = town.told("job.assigned")["job"]
    town.act("jobs", "accept", job=job, provider=grace)
    town.act("jobs", "cancel", job=job)
    text = town.letter("ada@example.com", "Votre séance est annulée")
    assert "Votre séance est annulée. Ce que vous avez payé vous est rendu." in text
    assert "portrait, Berlin, 2099-12-05" in town.letter("grace@example.com", "A shoot is cancelled: portrait, Berlin")
    assert town.told("refund.issued")["amount"] == {"minor": 24_900, "currency": "EUR"}


def test_the_customer_of_a_transport_reads_french_and_its_owner_german(live):
    town = Town(live, "truck-hire")
    for recipe in ("truck-job", "truck-mails"):
        live.hub.recipes.set_inputs(recipe, {"language": "de"}, "test")
    owner = town.provider("Linus", "truck")
    wanted = {"f-what": "Un piano", "f-route": "Berlin-Kiel", "f-day": "2099-12-05"}
    town.fill_in("transport", "fr", **wanted)
    assert re.search(r"http://\S+/c/\S+", town.letter("ada@example.com", "Votre transport"))
    assert "Un piano, Berlin-Kiel, am 2099-12-05." in town.letter("linus@example.com", "Ein Transport, 2099-12-05")
    job = town.told("job.posted")["job"]
    town.act("jobs", "offer", job=job, provider=owner, price={"minor": 120_005, "currency": "EUR"})
    assert "propose 1 200,05 €" in town.letter("ada@example.com", "Une offre pour votre transport")
    town.act("jobs", "cancel", job=job)
    assert "Rien n’a été prélevé." in town.letter("ada@example.com", "Votre transport est annulé")
    assert not [one for one in town.subjects("linus@example.com") if "abgesagt" in one], "it was never theirs"


def test_a_business_to_which_nobody_offers_a_price_is_told_after_a_week(live):
    town = Town(live, "truck-hire")
    town.fill_in("transport", "es", **{"f-what": "Un piano", "f-route": "Berlin-Kiel", "f-day": "2099-12-05"})
    town.letter("ada@example.com", "Su transporte")
    live.clock.forward(days=7, minutes=1)
    assert "Sigue abierto" in town.letter("ada@example.com", "Todavía no hay ofertas")
    assert town.act("jobs", "get", job=town.told("job.posted")["job"])["state"] == "posted"


@pytest.mark.parametrize(
    ("language", "subject", "words"),
    [
        ("en", "Your gift was given back", "we have given back €5.00 of your gift."),
        ("de", "Ihre Spende wurde zurückgegeben", "wir haben 5,00 € Ihrer Spende zurückgegeben."),
        ("hi", "आपका दान लौटा दिया गया", "हमने आपके दान में से €5.00 लौटा दिए हैं।"),
    ],
)
def test_a_donor_whose_gift_goes_back_reads_it_in_their_language(live, language, subject, words):
    town = Town(live, "charity")
    town.fill_in("donate", language, offer="once", currency="EUR", **{"other-once-EUR": "25"})
    gift = town.pay()
    town.told("order.paid")
    amount = {"minor": 500, "currency": "EUR"}
    town.act("payments", "refund", payment=gift.payment, connection=gift.connection, amount=amount)
    text = town.letter("ada@example.com", subject)
    assert words in text.replace("*", "")


def test_a_donor_whose_monthly_gift_fails_and_ends_reads_it_in_spanish(live):
    town = Town(live, "charity")
    data = {
        "subscription": "sub_1",
        "plan": "pln_1",
        "customer": {"email": "ada@example.com"},
        "metadata": {"form": "donate", "language": "es"},
    }
    failed = {"amount": {"minor": 2500, "currency": "EUR"}, "next_attempt_at": "2026-12-29T09:00:00Z", "attempt": 1}
    live.hub.runs.record("subscription.payment_failed", {**data, **failed}, "test")
    text = town.letter("ada@example.com", "No se pudo cobrar su donativo mensual")
    assert "no se pudo cobrar su donativo de 25,00 €. Lo intentaremos de nuevo el 29 de diciembre de 2026;" in text
    live.hub.runs.record("subscription.ended", data, "test")
    assert "no se cobrará nada más" in town.letter("ada@example.com", "Su donativo mensual ha terminado")


def test_who_books_a_service_reads_french_until_it_is_paid(live):
    town = Town(live, "services")
    town.fill_in("book-service", "fr", **{"f-service": "LESSON", "f-times": "2", "f-currency": "EUR"})
    text = town.letter("ada@example.com", "Votre réservation 1 : choisissez comment payer")
    assert "Merci, Ada" in text
    assert "Le prix est de 98,00 €." in text.replace("*", "")
    town.press_pay(town.link("ada@example.com", "Votre réservation 1 : choisissez comment payer", "o"))
    town.pay()
    assert "Nous avons reçu 98,00 €" in town.letter("ada@example.com", "Votre réservation 1 est payée").replace("*", "")


def test_a_booking_that_is_not_paid_in_time_is_over_in_spanish(live):
    town = Town(live, "services")
    town.fill_in("book-service", "es", **{"f-service": "LESSON", "f-times": "1", "f-currency": "EUR"})
    town.letter("ada@example.com", "Su reserva 1: elija cómo pagar")
    live.clock.forward(days=7, minutes=1)
    assert "No se ha cobrado nada." in town.letter("ada@example.com", "Su reserva 1 ya no vale")


def test_the_buyer_of_scanned_goods_reads_german_on_mail_and_paper(live):
    town = Town(live, "wholesale")
    order = town.act("orders", "create", lines=[{"title": "Green tea", "price": {"minor": 5000, "currency": "EUR"}}],
                     customer=ADA, metadata={"placed_by": "scan", "language": "de"})  # fmt: skip
    invoice = town.told("invoice.issued")
    assert "1 × Green tea" in town.letter("ada@example.com", f"Rechnung {invoice['number']}: 50,00\N{NO-BREAK SPACE}€")
    with live.hub.database.read() as connection:
        assert find_invoice(connection, invoice["invoice"]).language == "de"
    town.act("orders", "cancel", order=order["order"])
    assert "nicht mehr für Sie zurückgelegt" in town.letter("ada@example.com", "Ihre Bestellung 1 ist verfallen")


def test_who_pays_a_link_is_thanked_in_the_language_of_its_mails(live):
    town = Town(live, "payment-links")
    made = town.act("links", "create", amount={"minor": 4500, "currency": "EUR"}, purpose="Klavierstunde", recipient=ADA,
                    language="hi")  # fmt: skip
    town.press_pay(requests.get(made["url"], allow_redirects=False, timeout=30).headers["Location"])
    town.pay()
    assert "हमें €45.00 मिल गए हैं: Klavierstunde।" in town.letter("ada@example.com", "धन्यवाद: Klavierstunde").replace(
        "*", ""
    )


def test_who_asks_for_a_link_by_the_form_gets_it_in_french_and_pays_what_the_recipe_says(live):
    town = Town(live, "payment-links")
    live.hub.recipes.set_inputs("link-on-form", {"price": {"minor": 8045, "currency": "KWD"}}, "test")
    town.fill_in("ask-for-link", "fr", **{"f-lessons": "2", "f-price": "1", "f-amount": "1"})
    made = town.told("link.created")
    assert (made["amount"], made["purpose"]) == ({"minor": 16_090, "currency": "KWD"}, "Piano lessons: 2")
    assert (made["recipient"], made["language"]) == (ADA, "fr")
    (asked,) = live.until(lambda: [one for one in live.hub.store.mails() if one["recipient"] == "ada@example.com"])
    address = town.link("ada@example.com", asked["subject"], "r")
    town.press_pay(requests.get(address, allow_redirects=False, timeout=30).headers["Location"])
    town.pay()
    assert town.told("payment.succeeded")["amount"] == made["amount"]
    assert "16,090" in town.letter("ada@example.com", "Merci : Piano lessons: 2")


def test_who_orders_goods_reads_each_price_in_german_and_of_their_return_in_hindi(live):
    town = Town(live, "multi-vendor-shop")
    lamps, rugs = town.provider("Ann", "goods"), town.provider("Bea", "goods")
    for sku, vendor in (("LAMP-01", lamps), ("RUG-01", rugs)):
        live.hub.office(sku).change(
            lambda book, sku=sku, vendor=vendor: book.change(
                catalogue_items, book.get(catalogue_items, sku), vendor=vendor
            )
        )
    town.fill_in("shop-order", "de", **{"f-lamps": "2", "f-rugs": "1", "f-currency": "USD"})
    text = town.letter("ada@example.com", "Ihre Bestellung 1")
    assert {"Desk lamp: 2 × 60,01 $ = 120,02 $", "Woven rug: 1 × 39,99 $ = 39,99 $"} <= set(text.splitlines())
    assert "Zusammen: 160,01 $" in text.replace("*", "")
    town.press_pay(town.link("ada@example.com", "Ihre Bestellung 1", "o"))
    town.pay()
    text = town.letter("ada@example.com", "Vielen Dank für die Bestellung 1")
    assert "Ihre Zahlung von 160,01 $ für die Bestellung 1 ist angekommen." in text.replace("*", "")
    live.until(lambda: town.balance(ledger.provider(rugs), "USD") == -3499)
    town.fill_in("shop-return", "hi", **{"f-order": "1", "f-item": "RUG-01"})
    town.answer("approve")
    assert "$39.99 आपको उसी तरीके से" in town.letter("ada@example.com", "ऑर्डर 1 की आपकी वापसी").replace("*", "")


def test_what_is_sold_out_or_not_chosen_is_said_in_spanish_and_french(live):
    town = Town(live, "multi-vendor-shop")
    live.hub.office("sold").change(
        lambda book: book.change(catalogue_items, book.get(catalogue_items, "LAMP-01"), stock=1)
    )
    town.fill_in("shop-order", "es", **{"f-lamps": "2", "f-currency": "USD"})
    assert "Desk lamp: quería 2, disponibles: 1." in town.letter("ada@example.com", "No hemos podido aceptar su pedido")
    town.fill_in("shop-order", "fr", **{"f-currency": "USD"})
    assert "il n’y a rien à payer" in town.letter("ada@example.com", "Rien n’a été commandé")


def test_who_buys_a_course_and_becomes_a_member_reads_spanish(live):
    town = Town(live, "online-course")
    town.fill_in("course", "es", offer="course")
    town.pay()
    text = town.letter("ada@example.com", "Le damos la bienvenida, Ada: aquí está su acceso")
    assert "Gracias: hemos recibido 49,00 €." in text
    assert "tiene acceso todo el tiempo que quiera" in text
    data = {
        "subscription": "sub_1",
        "plan": "pln_1",
        "amount": {"minor": 1900, "currency": "EUR"},
        "attempt": 1,
        "next_attempt_at": "2099-12-27T09:00:00Z",
        "customer": {"email": "ada@example.com", "name": "Ada"},
        "metadata": {"form": "course", "offer": "membership", "language": "es"},
    }
    live.hub.runs.record("subscription.payment_failed", data, "test")
    text = town.letter("ada@example.com", "No se pudo cobrar su membresía")
    assert "no se pudo cobrar su membresía de 19,00 €. Lo intentaremos de nuevo el 27 de diciembre de 2099." in text
    live.hub.runs.record("subscription.cancelled", {**data, "cancel_at": "2099-12-31T09:00:00Z"}, "test")
    assert "Está pagada hasta el 31 de diciembre de 2099" in town.letter(
        "ada@example.com", "Su membresía termina el 31 de diciembre de 2099"
    )
    live.hub.runs.record("subscription.ended", data, "test")
    assert "no se cobrará nada más" in town.letter("ada@example.com", "Su membresía ha terminado")


def test_a_member_is_welcomed_in_french_and_gets_their_receipt_in_french(live):
    town = Town(live, "crm-sync")
    for subject, words in (
        ("Bienvenue, Ada", "nous avons reçu 249,00 € pour votre adhésion."),
        ("Reçu : 249,00\N{NO-BREAK SPACE}€ pour votre adhésion", "Nous avons reçu 249,00 € pour votre adhésion."),
    ):
        town.fill_in("join", "fr", offer="life")
        town.pay()
        assert words in town.letter("ada@example.com", subject).replace("*", "")


def test_each_of_more_members_than_a_page_holds_is_told_of_the_new_price_once(live):
    Town(live, "online-course")
    members = {f"m{number:03}": f"m{number}@example.com" for number in range(401)}
    now = live.clock()
    kept = {"created_at": now, "updated_at": now}

    def work(book):
        for name, email in members.items():
            row = {"id": f"sbm_{name}", "form": "course", "state": "active", "answers": {}, "customer": {"email": email},
                   "offer": "membership", "connection": "sandbox", "language": "fr", "subscription": name, "search": ""}  # fmt: skip
            book.connection.execute(sa.insert(submissions).values(**row, **kept))
            running = {"connection": "sandbox", "subscription": name, "plan": "pln_1", "state": "active", "told": now}
            price = {"amount": {"minor": 1900, "currency": "EUR"}}
            book.connection.execute(sa.insert(told_subscriptions).values(**running, data=price, **kept))

    live.hub.office("members").change(work)
    live.hub.runs.record("plan.repriced", {"plan": "pln_1", "price": {"minor": 2100, "currency": "EUR"}}, "test")

    def written():
        found = [
            one for one in live.hub.store.mails(limit=2000) if one["subject"].startswith("Votre adhésion coûte 21,00")
        ]
        return found if len(found) >= len(members) else None

    found = live.until(written)
    live.until(lambda: {one.status for one in live.runs(recipe="membership-price-mails")} == {"succeeded"})
    assert len(live.runs(recipe="membership-price-mails")) == 3
    assert sorted(one["recipient"] for one in found) == sorted(members.values())
    assert len(written()) == len(members)
