"""The admin's pages of payment links: made once, found, exported, mailed, cancelled; tables of recipients."""

import csv
import io
from datetime import timedelta

import pytest

from hub.commerce.link_reading import find_link
from hub.commerce.links import open_link
from hub.journal.entries import Happening
from hub.journal.tables_links import payment_links
from hub.web.pages import link_batches

GOOD = {
    "amount": "45.00",
    "currency": "eur",
    "purpose": "Piano lesson",
    "name": "Ada",
    "email": "ada@example.com",
    "language": "en",
    "expires_days": "30",
    "remind_days": "7",
    "note": "See you",
    "key": "k1",
}
TABLE = "name,email,amount\nAda,ada@example.com,45\nBob,bob@example.com,12.5\nEve,nobody,3\n"
SHARED = {"currency": "EUR", "purpose": "Membership", "language": "en", "expires_days": "30", "send": "1", "key": "k1"}


@pytest.fixture(autouse=True)
def gateway(hub):
    hub.accounts.create("sandbox-1", "sandbox", {"api_base": "http://127.0.0.1:9", "api_key": "key"}, "test")


def made(admin, **more):
    answer = admin.post("/links/new", **{**GOOD, **more})
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def as_bytes(text):
    return text if isinstance(text, bytes) else text.encode()


def read_in(admin, text=TABLE, **more):
    return admin.post("/links/tables", **{**SHARED, **more, "table": (io.BytesIO(as_bytes(text)), "members.csv")})


def test_a_link_is_made_once_and_its_page_has_the_address(admin):
    assert "No payment links yet" in admin.page("/links")
    address = made(admin)
    assert made(admin) == address
    page = admin.page(address)
    for shown in (
        "€45.00 for Piano lesson",
        "/r/",
        "QR code of",
        "ada@example.com",
        "See you",
        "link.created",
        "Order 1",
    ):
        assert shown in page, shown


def test_links_are_found_and_exported(admin):
    address = made(admin)
    for asked, shown in (
        ("text=ada", True), ("text=piano", True), ("text=bob", False), ("state=active", True), ("state=paid", False),
        ("state=unpaid", False), ("state=undelivered", False),
    ):  # fmt: skip
        assert (address in admin.page(f"/links?{asked}")) is shown, asked
    (row,) = csv.DictReader(io.StringIO(admin.get("/links.csv").data.decode("utf-8-sig")))
    assert (row["amount"], row["currency"], row["email"], row["payments"]) == ("45.00", "EUR", "ada@example.com", "0")


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("amount", "", "amount"),
        ("amount", "0", "Write an amount above zero."),
        ("amount", "-5", "below zero"),
        ("amount", "1.005", "EUR has 2 decimals"),
        ("amount", "1e9", "1e9"),
        ("amount", "१२", "१२"),
        ("currency", "xxq", "XXQ"),
        ("purpose", "", "Write what it is for"),
        ("purpose", "x" * 10_000, "At most 200 characters"),
        ("name", "n" * 10_000, "At most 200 characters"),
        ("email", "nobody", "This is no mail address."),
        ("expires_days", "0", "Write a whole number of days, 1 to 365."),
        ("expires_days", "", "Write a whole number of days, 1 to 365."),
        ("remind_days", "soon", "Write a whole number of days, 1 to 365."),
    ],
)
def test_what_is_wrong_is_said_at_the_field_and_what_was_typed_stays(admin, field, typed, words):
    answer = admin.post("/links/new", **{**GOOD, field: typed})
    assert answer.status_code == 422
    assert words in answer.text
    assert "See you" in answer.text
    assert "No payment links yet" in admin.page("/links")


@pytest.mark.parametrize("purpose", ["<script>alert(1)</script>", "مرحبا بالعالم", "🎹 lesson"])
def test_any_words_are_shown_as_they_are(admin, purpose):
    page = admin.page(made(admin, purpose=purpose))
    assert "<script>alert" not in page
    assert purpose.replace("<", "&lt;").replace(">", "&gt;") in page


def test_what_nobody_could_pay_is_not_asked_for(admin):
    answer = admin.post("/links/new", **{**GOOD, "connections": "nobody"})
    assert answer.status_code == 422
    assert "Nobody could pay this: The connection nobody is not there" in answer.text


def test_to_mail_it_needs_an_address(admin):
    answer = admin.post("/links/new", **{**GOOD, "email": "", "send": "1"})
    assert "Write the address to which it is mailed" in answer.text


def test_it_is_mailed_reminded_of_and_cancelled(hub, admin):
    address = made(admin)
    assert "7 days after the mail" in admin.page(address)
    assert admin.post(f"{address}/send", to="bob@example.com", key="k2").status_code == 303
    assert admin.post(f"{address}/remind", key="k3").status_code == 303
    assert sorted(mail["recipient"] for mail in hub.store.mails()) == ["ada@example.com", "bob@example.com"]
    admin.post(f"{address}/cancel", key="k4", reason="Moved")
    page = admin.page(address)
    assert "cancelled" in page
    assert "Mail it" not in page
    assert "is cancelled" in admin.post(f"{address}/send", to="bob@example.com", key="k5").text


def test_a_table_is_looked_at_before_anything_is_made(hub, admin):
    answer = read_in(admin)
    assert answer.status_code == 303, answer.text
    address = answer.headers["Location"]
    page = admin.page(address)
    for shown in (
        "2 links for €57.50 in all",
        "each mailed",
        "1 line left out",
        "Line 4: email:",
        "Make 2 links",
        "Bob",
    ):
        assert shown in page, shown
    (row,) = csv.DictReader(io.StringIO(admin.get(f"{address}/left-out.csv").data.decode("utf-8-sig")))
    assert row["line"] == "4"
    assert "No payment links yet" in admin.page("/links")
    admin.post(f"{address}/start")
    assert "0 of 2 made" in admin.page(address)
    while hub.payment_clock.run_due():
        pass
    assert "2 of 2 made · 2 mailed" in admin.page(address)
    assert "members.csv" in admin.page("/links/tables")
    batch = address.rpartition("/")[2]
    assert "Bob" in admin.page(f"/links?batch={batch}")


def test_a_table_can_be_thrown_away(admin):
    address = read_in(admin).headers["Location"]
    admin.post(f"{address}/discard")
    assert "thrown away" in admin.page(address)
    admin.post(f"{address}/start")
    assert "was discarded" in admin.page(address)
    assert "members.csv" not in admin.page("/links/tables")


@pytest.mark.parametrize(
    ("text", "more", "words"),
    [
        ("", {}, "Choose a CSV file of at most"),
        ("x" * 1_001, {}, "This file is too large: at most 0.001 MB are read at once."),
        (TABLE.encode("utf-16-le"), {}, "This is no text."),
        (b"PK\x03\x04\x00\x81", {}, "Save it in your spreadsheet as “CSV UTF-8”"),
        (TABLE, {"currency": "XXQ"}, "is not a currency"),
        ("amount\n", {}, "There is no line below the first."),
        (TABLE, {"expires_days": "x"}, "Write a whole number of days"),
        (TABLE, {"connections": "nobody"}, "Nobody could pay this"),
    ],
)
def test_a_table_that_cannot_be_read_in_is_said(admin, monkeypatch, text, more, words):
    monkeypatch.setattr(link_batches, "_LARGEST", 1_000)
    answer = read_in(admin, text, **more)
    assert answer.status_code == 422
    assert words in answer.text
    assert "Membership" in answer.text


def test_what_links_ask_for_and_what_was_paid_is_said_by_currency(hub, admin):
    address = made(admin)
    admin.post("/links/new", **{**GOOD, "amount": "5.00", "key": "second"})
    page = admin.page("/links")
    assert "2 links" in page
    assert "€50.00" in page
    assert "€0.00 paid" in page
    with hub.database.read() as connection:
        link = connection.execute(payment_links.select().where(payment_links.c.id == address.rpartition("/")[2])).one()
    data = {"payment": "pay_1", "order": link.order, "amount": {"minor": 4500, "currency": "EUR"}}
    hub.recorder.record(Happening("payment.succeeded", "shop", "pay_1", data, hub.now()), hub.now())
    assert "€45.00 paid" in admin.page("/links")
    assert "€5.00 " not in admin.page("/links?state=paid")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("divider", [",", ";", "\t"])
def test_a_table_is_read_as_spreadsheets_write_it(hub, admin, encoding, divider):
    text = (
        divider.join(("name", "email", "amount", "note"))
        + "\r\n"
        + divider.join(("Zoë", "zoe@example.com", "45", '"a\nb"'))
    )
    address = read_in(admin, text.encode(encoding)).headers["Location"]
    assert "Zoë" in admin.page(address)


def test_a_bad_line_is_named_by_where_it_begins_and_nothing_is_made_of_it(hub, admin):
    text = 'name,amount,note\nAda,45,"two\nlines"\nBob,many,"three\nmore\nlines"\n\nEve,3,short\nMax,4\n'
    address = read_in(admin, text, send="").headers["Location"]
    rows = csv.DictReader(io.StringIO(admin.get(f"{address}/left-out.csv").data.decode("utf-8-sig")))
    assert [row["line"] for row in rows] == ["4", "9"]
    admin.post(f"{address}/start")
    while hub.payment_clock.run_due():
        pass
    assert "2 of 2 made" in admin.page(address)


@pytest.mark.parametrize(
    "text",
    [
        "sep=;\r\nname;amount;note\r\nZoë;45,00;Hello\r\n",
        "\r\n\r\nname;amount;note\r\nZoë;45,00;Hello",
        "name;amount;note;;\r\nZoë;45,00;Hello;;\r\n;;;;\r\n",
        "name\tamount\tnote\r\nZoë\t45,00\t",
        "SEP=\t\nName\t AMOUNT \tnote\t\nZoë\t45,00\t\t\n\t\t\t\n",
    ],
)
def test_what_spreadsheets_add_does_not_count(admin, text):
    page = admin.page(read_in(admin, text, send="").headers["Location"])
    assert "1 link for €45.00 in all" in page
    assert "Zoë" in page
    assert "left out" not in page


def test_lines_are_counted_as_the_file_has_them(admin):
    page = admin.page(read_in(admin, "\nsep=;\n\nname;amount\n\nZoë;x\n", send="").headers["Location"])
    assert "Line 6: amount:" in page
    page = admin.page(read_in(admin, "\n\nname;sum\nZoë;x\n", send="", key="k2").headers["Location"])
    assert "Line 3: There is no column" in page
    page = admin.page(read_in(admin, "name;amount\nZoë;4;5\n", send="", key="k3").headers["Location"])
    assert "Line 2: This line has 3 cells" in page


def test_a_table_that_is_read_in_again_says_who_was_asked_already(hub, admin):
    text = "name,email,amount\nAda,ada@example.com,45\nBob,BOB@example.com,12.50\nEve,,7\n"
    address = read_in(admin, text, send="").headers["Location"]
    assert "asked already" not in admin.page(address)
    admin.post(f"{address}/start")
    while hub.payment_clock.run_due():
        pass
    assert "asked already" not in admin.page(address)
    more = text.replace("ada@", "Ada@").replace("12.50", "13")
    again = admin.page(read_in(admin, more, send="", key="again").headers["Location"])
    assert "1 of them was asked already" in again
    assert "same address: line 2." in again
    with hub.database.read() as connection:
        links = connection.execute(payment_links.select()).all()
    for link in links:
        admin.post(f"/links/{link.id}/cancel", key=f"c{link.id}", reason="")
    assert "asked already" not in admin.page(read_in(admin, more, send="", key="third").headers["Location"])


def test_ten_thousand_lines_are_read_up_to_the_limit_and_the_rest_is_said(admin):
    text = "name,amount\n" + "".join(f"Person {number},45\n" for number in range(10_000))
    address = read_in(admin, text, send="").headers["Location"]
    assert "A file has at most 5000 lines; divide it into several." in admin.page(address)


def link_of(hub, address):
    with hub.database.read() as connection:
        return find_link(connection, address.rpartition("/")[2])


def test_what_is_typed_is_what_the_link_says(hub, admin):
    link = link_of(hub, made(admin, connections="sandbox-1", reusable="1", send="1"))
    assert (link.connections, link.reusable, link.mail, link.language) == (["sandbox-1"], True, "waiting", "en")
    assert (link.minor, link.currency, link.purpose) == (4500, "EUR", "Piano lesson")
    assert (link.recipient, link.note, link.remind_in) == ({"name": "Ada", "email": "ada@example.com"}, "See you", "7d")
    assert link.due_at - link.created_at == timedelta(days=30)
    plain = link_of(hub, made(admin, key="k2", language="tlh", expires_days="365", remind_days=""))
    assert (plain.connections, plain.reusable, plain.mail, plain.language) == (None, False, "none", "en")
    assert (plain.remind_in, plain.due_at - plain.created_at) == (None, timedelta(days=365))


@pytest.mark.parametrize("days", ["0", "366", "9" * 30, "1.5", "-1", "१२"])
@pytest.mark.parametrize("field", ["expires_days", "remind_days"])
def test_days_are_whole_and_at_most_a_year(admin, field, days):
    answer = admin.post("/links/new", **{**GOOD, field: days})
    assert answer.status_code == 422
    assert "Write a whole number of days, 1 to 365." in answer.text


def test_links_are_found_by_how_they_stand(hub, admin):
    """Mailed and not paid, mailed and paid, mailed and cancelled, refused by the mail server, never mailed."""
    addresses = {name: made(admin, key=name, name=name) for name in ("waits", "paid", "gone", "refused", "alone")}
    links = {name: link_of(hub, address) for name, address in addresses.items()}
    for name in ("waits", "paid", "gone"):
        admin.post(f"{addresses[name]}/send", to="ada@example.com", key=f"s {name}")
    hub.office("refused").change(
        lambda book: book.change(payment_links, book.get(payment_links, links["refused"].id), mail="failed",
                                 mail_error={"message": "No such mailbox."})
    )  # fmt: skip
    data = {"payment": "pay_1", "order": links["paid"].order, "amount": {"minor": 4500, "currency": "EUR"}}
    hub.recorder.record(Happening("payment.succeeded", "shop", "pay_1", data, hub.now()), hub.now())
    admin.post(f"{addresses['gone']}/cancel", key="c", reason="")
    for asked, found in (
        ("unpaid", {"waits"}), ("undelivered", {"refused"}), ("paid", {"paid"}), ("cancelled", {"gone"}),
        ("active", {"waits", "refused", "alone"}),
    ):  # fmt: skip
        page = admin.page(f"/links?state={asked}")
        assert {name for name, address in addresses.items() if address in page} == found, asked
    assert "The mail was not delivered: No such mailbox." in admin.page(addresses["refused"])


def test_the_file_of_links_says_when_each_was_mailed_opened_and_paid(hub, admin, clock):
    address = made(admin, key="k1")
    link = link_of(hub, address)
    moments = {}
    for name in ("mailed", "opened", "paid"):
        clock.forward(hours=1)
        moments[name] = clock.moment.isoformat()
        if name == "mailed":
            admin.post(f"{address}/send", to="ada@example.com", key="s")
        elif name == "opened":
            open_link(hub.office("open"), link.id)
        else:
            data = {"payment": "pay_1", "order": link.order, "amount": {"minor": 4500, "currency": "EUR"}}
            hub.recorder.record(Happening("payment.succeeded", "shop", "pay_1", data, hub.now()), hub.now())
    (row,) = csv.DictReader(io.StringIO(admin.get("/links.csv").data.decode("utf-8-sig")))
    assert {name: row[name] for name in moments} == moments
    assert (row["state"], row["payments"], row["name"]) == ("paid", "1", "Ada")


def test_all_links_of_a_table_are_paid_where_it_says_and_name_their_reference(hub, admin):
    text = "name,amount,reference\nAda,45,A-17\nBob,5,\n"
    address = read_in(admin, text, send="", connections="sandbox-1").headers["Location"]
    admin.post(f"{address}/start")
    while hub.payment_clock.run_due():
        pass
    with hub.database.read() as connection:
        links = connection.execute(payment_links.select().order_by(payment_links.c.minor)).all()
    assert [(one.connections, one.metadata, one.mail) for one in links] == [
        (["sandbox-1"], None, "none"), (["sandbox-1"], {"reference": "A-17"}, "none")
    ]  # fmt: skip
    rows = csv.DictReader(io.StringIO(admin.get("/links.csv").data.decode("utf-8-sig")))
    assert sorted(row["reference"] for row in rows) == ["", "A-17"]
    assert "links.table.start" in admin.page("/settings/audit")
