"""Tables of recipients: every bad line said, nothing made before a person says so, each line one link whatever dies."""

import pytest
import sqlalchemy as sa

from hub.commerce import link_batches
from hub.commerce.link_csv import MOST_LINES, read_recipients
from hub.commerce.links import open_link
from hub.errors import PermanentError
from hub.journal.tables_links import payment_links

COMMON = {"purpose": "Membership", "language": "en", "expires_in": "30d"}
TABLE = """\
Name;Email;Amount;Purpose
Ada Lovelace;ada@example.com;45,00;
Bob;bob@example.com;12.5;Lesson
"""


def read(text, currency="EUR", **common):
    return read_recipients(text, {**COMMON, **common}, currency)


def wrong(text, currency="EUR", **common):
    found = read(text, currency, **common)
    assert found.lines == ()
    return found.wrong[0]


def test_a_line_becomes_a_link_with_what_all_share():
    found = read(TABLE)
    assert found.wrong == ()
    assert found.lines == (
        (2, {**COMMON, "recipient": {"name": "Ada Lovelace", "email": "ada@example.com"},
             "amount": {"minor": 4500, "currency": "EUR"}}),
        (3, {**COMMON, "purpose": "Lesson", "recipient": {"name": "Bob", "email": "bob@example.com"},
             "amount": {"minor": 1250, "currency": "EUR"}}),
    )  # fmt: skip


def test_a_line_may_say_its_own_currency_language_and_reference():
    text = "\ufeffamount,currency,language,reference,note\n1500,jpy,de,A-17,Thank you\n1.250,KWD,,,\n"
    (yen, dinar) = (given for _, given in read(text, "").lines)
    assert (yen["amount"], yen["language"], yen["metadata"], yen["note"]) == (
        {"minor": 1500, "currency": "JPY"}, "de", {"reference": "A-17"}, "Thank you"
    )  # fmt: skip
    assert (dinar["amount"], dinar["language"]) == ({"minor": 1250, "currency": "KWD"}, "en")
    assert "recipient" not in yen


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ("0", "amount: it must be above zero."),
        ("-5", "amount: "),
        ("1.005", "USD has 2 decimals"),
        ("1e9", "amount: "),
        ("१२", "amount: "),
        ("ten", "amount: "),
        ("", "amount: "),
    ],
)
def test_amounts_in_all_their_wrong_shapes_are_said(cells, words):
    line, reason = wrong(f"name,amount\nAda,{cells}\n", "USD")
    assert line == 2
    assert words in reason


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("amount,email\n5,nobody\n", "email: 'nobody' is no mail address."),
        (f"amount,name\n5,{'x' * 10_000}\n", "name: at most 200 characters."),
        ("amount,language\n5,xx\n", "language: one of en, de"),
        ("amount,currency\n5,XXQ\n", "'XXQ' is not a currency"),
        ("amount,name\n5\n", "This line has 1 cells, the first line 2."),
    ],
)
def test_what_else_can_be_wrong_with_a_line(text, words):
    assert words in wrong(text)[1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "amount among them"),
        ("name,email\nAda,ada@example.com\n", "amount among them"),
        ("amount,colour\n5,red\n", "There is no column 'colour'; there are name, email"),
        ("amount,amount\n5,5\n", "The column amount is there twice."),
        ('amount,name\n5,"Ada\n', "This is not CSV"),
    ],
)
def test_a_table_that_is_none_is_refused_whole(text, words):
    assert words in wrong(text)[1]


def test_what_all_must_have_is_asked_for():
    assert wrong("amount\n5\n", purpose="")[1] == "purpose: what is it for?"
    assert wrong("amount\n5\n", currency="")[1] == "currency: in which one?"
    assert wrong("amount,name\n5,Ada\n", send=True)[1] == "email: without a mail address it cannot be mailed."


def test_the_same_twice_is_one_too_many_unless_a_reference_tells_them_apart():
    found = read("email,amount,reference\na@x.org,5,\nA@x.org,5,\na@x.org,5,two\n")
    assert [line for line, _ in found.lines] == [2, 4]
    assert found.wrong == (
        (3, "Line 2 asks the same of the same person. Leave one out, or write a reference into each."),
    )


def test_a_file_has_an_end():
    found = read("amount,reference\n" + "".join(f"5,r{number}\n" for number in range(MOST_LINES + 3)))
    assert len(found.lines) == MOST_LINES
    assert found.wrong == ((MOST_LINES + 2, "A file has at most 5000 lines; divide it into several."),)


# in the database


def rows(shop):
    with shop.hub.database.read() as connection:
        return connection.execute(sa.select(payment_links).order_by(payment_links.c.search)).all()


def many(shop, number=120, **common):
    text = "email,amount,reference\n" + "".join(f"p{n:03}@example.com,5,r{n}\n" for n in range(number)) + "x,5,bad\n"
    return link_batches.check_in(shop.office("table"), "members.csv", read(text, **common))


def batch(shop, identity):
    with shop.hub.database.read() as connection:
        return link_batches.find_batch(connection, identity), link_batches.progress(connection, identity)


def test_nothing_is_made_before_somebody_says_so(shop):
    identity = many(shop, 3)
    assert identity == many(shop, 3), "the same upload sent twice is one"
    shop.forward(minutes=1)
    assert rows(shop) == []
    assert batch(shop, identity)[0].wrong == [[5, "email: 'x' is no mail address."]]
    link_batches.discard(shop.office("no"), identity)
    with pytest.raises(PermanentError, match="was discarded"):
        link_batches.start(shop.office("yes"), identity)
    assert rows(shop) == []


def test_each_line_becomes_one_link_and_is_mailed(shop):
    identity = many(shop, send=True)
    for _ in range(2):
        link_batches.start(shop.office("yes"), identity)
    shop.forward(minutes=1)
    found, counts = batch(shop, identity)
    assert (found.state, found.made, counts) == (
        "done", 120, {"made": 120, "mailed": 120, "failed": 0, "opened": 0, "paid": 0}
    )  # fmt: skip
    assert len({row.recipient["email"] for row in rows(shop)}) == 120
    assert len(shop.hub.store.mails(500)) == 120
    link_batches.start(shop.office("again"), identity)
    shop.forward(minutes=1)
    assert len(rows(shop)) == 120
    with pytest.raises(PermanentError, match="made already"):
        link_batches.discard(shop.office("no"), identity)


def test_a_process_that_dies_between_slices_goes_on_where_it_was(shop, monkeypatch):
    identity = many(shop)
    link_batches.start(shop.office("yes"), identity)
    real, slices = link_batches._slice, []

    def dying(*given):
        if slices:
            raise RuntimeError
        slices.append(given)
        return real(*given)

    with monkeypatch.context() as patch:
        patch.setattr(link_batches, "_slice", dying)
        with pytest.raises(RuntimeError):
            link_batches.make_links(shop.office("timer"), identity)
    assert batch(shop, identity)[0].made == 50 == len(rows(shop))
    shop.forward(minutes=5)
    assert batch(shop, identity)[0].state == "done"
    assert len(rows(shop)) == 120


def test_how_far_a_table_is_counts_its_own_links_only(shop):
    text = "email,amount\neva@example.com,5\nada@example.com,6\nbob@example.com,7\neve@example.com,8\n"
    identity = link_batches.check_in(shop.office("table"), "n" * 300, read(text, send=True))
    link_batches.start(shop.office("yes"), identity)
    other = {"amount": {"minor": 500, "currency": "EUR"}, "purpose": "Alone", "recipient": {"email": "x@example.com"}}
    shop.do("links", "create", {**other, "send": True}, "alone")
    shop.forward(minutes=1)
    found = {row.minor: row for row in rows(shop) if row.batch}
    shop.office("refused").change(lambda book: book.change(payment_links, found[500], mail="failed"))
    for minor in (600, 700):
        open_link(shop.office("open"), found[minor].id)
    shop.happen("payment.succeeded", payment="pay_1", order=found[600].order, amount={"minor": 600, "currency": "EUR"})
    row, counts = batch(shop, identity)
    assert counts == {"made": 4, "mailed": 3, "failed": 1, "opened": 2, "paid": 1}
    assert (len(row.name), row.lines) == (200, []), "what is made is not kept twice"


def test_a_table_that_is_being_made_cannot_be_thrown_away(shop):
    identity = many(shop, 2)
    link_batches.start(shop.office("yes"), identity)
    with pytest.raises(PermanentError, match="made already"):
        link_batches.discard(shop.office("no"), identity)
    shop.forward(minutes=1)
    link_batches.make_links(shop.office("a timer that was claimed meanwhile"), identity)
    assert (len(rows(shop)), batch(shop, identity)[0].made) == (2, 2)


def test_nothing_of_a_table_that_was_thrown_away_is_kept(shop):
    identity = many(shop, 2)
    link_batches.discard(shop.office("no"), identity)
    row = batch(shop, identity)[0]
    assert (row.state, row.lines, row.wrong) == ("discarded", [], [])
    link_batches.make_links(shop.office("timer"), identity)
    assert (rows(shop), batch(shop, identity)[0].state) == ([], "discarded")


def test_who_was_asked_already_is_told_by_address_amount_currency_and_purpose(shop):
    ada = {"email": "Ada@Example.com"}
    same = {"amount": {"minor": 500, "currency": "EUR"}, "purpose": "Membership", "recipient": ada}
    shop.do("links", "create", same, "open")
    shop.do("links", "create", {**same, "recipient": {"name": "Nobody"}}, "without an address")
    shop.do("links", "create", {**same, "recipient": {"email": "bob@example.com"}, "reusable": True}, "for many")
    gone = shop.do("links", "create", {**same, "recipient": {"email": "eve@example.com"}}, "over")
    shop.do("links", "cancel", {"link": gone["link"]}, "cancel")
    text = (
        "email,amount,currency,purpose\nADA@example.com,5,,\nada@example.com,6,,\nada@example.com,5,usd,\n"
        "ada@example.com,5,,Lesson\nbob@example.com,5,,\neve@example.com,5,,\n,5,,\n"
    )
    with shop.hub.database.read() as connection:
        assert link_batches.asked_already(connection, read(text).lines) == [2]


@pytest.mark.parametrize(
    ("name", "longest"), [("name", 200), ("email", 320), ("purpose", 200), ("note", 500), ("reference", 200)]
)
def test_what_is_just_short_enough_is_taken_and_one_more_is_not(name, longest):
    fits = "a@" + "b" * (longest - 6) + ".com" if name == "email" else "x" * longest
    if name == "email":
        assert "at most" not in str(read(f"amount,{name}\n5,{fits}\n").wrong)
    else:
        assert read(f"amount,{name}\n5,{fits}\n").wrong == ()
    assert wrong(f"amount,{name}\n5,x{fits}\n")[1] == f"{name}: at most {longest} characters."


@pytest.mark.parametrize(
    "second",
    ["b@x.org,Ada,5,EUR,Fee", "a@x.org,Bob,5,EUR,Fee", "a@x.org,Ada,6,EUR,Fee", "a@x.org,Ada,5,USD,Fee", "a@x.org,Ada,5,EUR,Tea"],
)  # fmt: skip
def test_what_differs_in_one_column_is_asked_twice(second):
    found = read(f"email,name,amount,currency,purpose\na@x.org,Ada,5,EUR,Fee\n{second}\n")
    assert (len(found.lines), found.wrong) == (2, ())


def test_a_line_that_is_wrong_is_not_one_that_asked_already():
    found = read("email,amount,language\na@x.org,5,xx\na@x.org,5,\n")
    assert ([line for line, _ in found.lines], len(found.wrong)) == ([3], 1)


def test_bad_lines_count_towards_the_end_of_a_file():
    found = read("amount\n" + "x\n" * (MOST_LINES + 2))
    assert (len(found.wrong), found.lines) == (MOST_LINES + 1, ())


def test_cells_are_taken_without_the_spaces_around_them():
    ((_, given),) = read("email , AMOUNT,name\n  ada@EXAMPLE.com ,  5 , Ada  \n").lines
    assert given["recipient"] == {"name": "Ada", "email": "ada@example.com"}
    assert given["amount"] == {"minor": 500, "currency": "EUR"}
