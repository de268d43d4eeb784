"""Payments that were made while no webhook came through: found in the gateway's list, shown, and taken over once."""

from datetime import UTC, datetime, timedelta

import pytest

from hub.errors import ConflictError, PermanentError, TransientError
from hub.journal.tables import connections
from hub.journal.tables_ledger import ledger_checks
from hub.payments import reconciliation
from hub.payments.comparing import ASK
from hub.payments.unheard import unheard
from tests.payments.test_reconciling_lists import answering, begins, compare, paid

FEE = 172  # of the sandbox, for 49.00


def made(market, amount=4900, currency="EUR", choice="pay"):
    """A payment of which the hub hears nothing, as it never heard of any."""
    market.hub.compare_days()
    market.silence()
    payment = market.sandbox("POST", "/payments", {"amount": amount, "currency": currency})["id"]
    market.sandbox("POST", f"/test/payments/{payment}/choose", {"choice": choice})
    return payment


def rows(market):
    return [row for row in market.rows(ledger_checks) if row.kind == "payment"]


def said(market, payment):
    return market.hub.payments.act("sandbox", "payment.get", b"ask".hex().ljust(40, "0"), {"payment": payment})


def take(market, row):
    """As the page does it."""
    answer = said(market, row.subject)

    def tell():
        market.hub.payments.tell("sandbox", answer, {}, known_as=row.subject)

    office = market.hub.office(f"page-{len(market.told())}")
    return reconciliation.take_payment_over(office, row.id, answer, tell, "grace@example.com")


@pytest.mark.parametrize(("currency", "amount"), [("EUR", 4900), ("JPY", 5000), ("KWD", 12345)])
def test_a_payment_whose_webhook_was_lost_is_shown_once_with_what_to_do(market, currency, amount):
    payment, declined = made(market, amount, currency), made(market, choice="decline")
    for _ in range(3):
        market.forward(days=1)
    (row,) = rows(market)
    assert (row.subject, row.state, row.connection) == (payment, "differs", "sandbox")
    (one,) = row.found
    assert (one["account"], one["here"], one["there"], one["proposal"]) == ("gateway:sandbox", "nothing", "paid", ASK)
    assert (one["expected"]["minor"], one["difference"]) == (0, {"minor": amount, "currency": currency})
    assert one["reports"] == ["payment.succeeded"]
    (told,) = market.events("hub.ledger_difference")
    assert (told["payment"], told["connection"], told["found"]["minor"]) == (payment, "sandbox", amount)
    assert market.hub.payments.store.payment("sandbox", payment) is None
    assert market.hub.payments.store.payment("sandbox", declined) is None


def test_it_is_taken_over_as_if_its_report_had_come_and_the_late_report_is_no_news(market):
    payment = made(market)
    market.forward(days=2)
    (row,) = rows(market)
    assert take(market, row)
    (told,) = market.events("payment.succeeded")
    assert (told["payment"], told["amount"]) == (payment, {"minor": 4900, "currency": "EUR"})
    assert market.account("gateway:sandbox") == 4900 - FEE
    (row,) = rows(market)
    assert (row.state, row.why, row.settled_by) == ("settled", reconciliation.TAKEN, "grace@example.com")
    with pytest.raises(ConflictError):
        take(market, row)
    market.speak()
    market.until(lambda: market.duplicates("payment.succeeded"))
    market.forward(days=2)
    assert len(market.events("payment.succeeded")) == 1
    assert {row.state for row in rows(market)} <= {"settled", "same"}


def test_when_its_report_comes_after_all_it_is_over_by_itself(quick):
    payment = made(quick)
    quick.forward(days=2)
    assert [row.state for row in rows(quick)] == ["differs"]
    quick.speak()
    quick.heard("payment.succeeded")
    quick.forward(days=2)
    assert [(row.subject, row.state) for row in rows(quick)] == [(payment, "settled"), (payment, "same")]
    assert rows(quick)[0].why == reconciliation.AGREES


def test_comparing_again_settles_what_was_heard_of_meanwhile_and_nothing_else(quick):
    made(quick)
    quick.forward(days=2)
    (row,) = rows(quick)
    office = quick.hub.office("page")
    assert not reconciliation.compare_again(office, row.id, said(quick, row.subject), "grace@example.com")
    quick.speak()
    quick.heard("payment.succeeded")
    assert reconciliation.compare_again(office, row.id, said(quick, row.subject), "grace@example.com")


def test_what_was_put_away_is_not_shown_again(quick):
    made(quick)
    quick.forward(days=2)
    reconciliation.settle(quick.hub.office("page"), rows(quick)[0].id, "another shop's", "grace@example.com")
    quick.forward(days=3)
    assert [(row.state, row.why) for row in rows(quick)] == [("settled", "another shop's")]


def test_what_went_back_meanwhile_is_less_and_what_went_back_whole_is_nothing(quick):
    part, whole = made(quick), made(quick)
    quick.forward(days=2)
    assert [row.state for row in rows(quick)] == ["differs"] * 2
    for payment, minor in ((part, 1000), (whole, 4900)):
        quick.sandbox("POST", "/refunds", {"payment": payment, "amount": minor, "currency": "EUR"})
    quick.forward(days=1)
    found = {row.subject: row.found[0]["difference"]["minor"] for row in rows(quick) if row.state == "differs"}
    assert found[part] == 3900
    stale = next(row for row in rows(quick) if row.subject == whole)
    assert reconciliation.compare_again(quick.hub.office("page"), stale.id, said(quick, whole), "grace@example.com")
    newest = next(row for row in rows(quick) if row.subject == part and row.state == "differs")
    assert not take(quick, newest), "the refund stays unheard"
    assert quick.account("gateway:sandbox") == 4900 - FEE


def item(begin, payment="p_1", status="succeeded", **length):
    money = {"minor": 4900, "currency": "EUR"}
    return {
        "payment": payment,
        "status": status,
        "amount": money,
        "created_at": (begin + timedelta(**length)).isoformat(),
    }


def test_only_what_was_made_before_the_day_ended_and_since_the_connection_is_there_is_looked_for(quick):
    begin = begins(quick)
    connected = begin - timedelta(days=2)
    quick.hub.store.change(lambda tx: tx.connection.execute(connections.update().values(created_at=connected)))
    items = [
        item(begin, "last", hours=23, minutes=59, seconds=59),
        item(begin, "tomorrow", days=1),
        item(connected, "first"),
        item(connected, "before", seconds=-1),
    ]
    answering(quick, {"payment.list": {"items": items}})
    compare(quick, "payment", begin)
    assert {row.subject for row in rows(quick)} == {"first", "last"}
    given = next(given for action, given in quick.calls if action == "payment.list")
    assert datetime.fromisoformat(given["since"]) == begin - timedelta(days=7)


EUROS = {"minor": 4900, "currency": "EUR"}


@pytest.mark.parametrize(
    ("now", "found"),
    [
        ({"status": "partially_refunded", "amount": EUROS, "refunded": {**EUROS, "minor": 900}}, {"p_1": 4000}),
        ({"status": "refunded", "amount": EUROS, "refunded": EUROS}, {}),
        ({"status": "voided", "amount": EUROS}, {}),
        ({"status": "created"}, {}),
        ({"status": "succeeded"}, {"p_1": 4900}),
        ({"payment": "ord_1", "status": "succeeded", "amount": EUROS, "captured": EUROS}, {"ord_1": 4900}),
        (PermanentError("There is no such payment.", code="not_found"), {"p_1": 4900}),
    ],
)
def test_what_is_not_known_is_told_as_the_gateway_answers_for_it_now(quick, now, found):
    begin = begins(quick)
    answer = now if isinstance(now, Exception) else {"payment": "p_1", **now}
    answering(quick, {"payment.list": {"items": [item(begin, hours=23, minutes=59)]}, "payment.get": answer})
    compare(quick, "payment", begin)
    assert {row.subject: row.found[0]["difference"]["minor"] for row in rows(quick)} == found


def test_a_payment_that_is_known_under_the_id_of_its_reports_is_not_unheard_of(quick):
    begin = begins(quick)
    known = paid(quick, "EUR", 4900)
    answering(
        quick,
        {
            "payment.list": {"items": [item(begin, "transaction_1", hours=23, minutes=59)]},
            "payment.get": {"payment": known, "status": "succeeded", "amount": EUROS},
        },
    )
    compare(quick, "payment", begin)
    assert rows(quick) == []


def test_while_the_gateway_is_down_nothing_of_a_list_is_told(quick):
    begin = begins(quick)
    answering(
        quick,
        {
            "payment.list": {"items": [item(begin, hours=23, minutes=59)]},
            "payment.get": TransientError("It is down.", code="gateway_down"),
        },
    )
    with pytest.raises(TransientError):
        compare(quick, "payment", begin)
    assert rows(quick) == []


@pytest.mark.parametrize(
    "status", ["created", "pending", "authorized", "failed", "expired", "voided", "refunded", "returned"]
)
def test_what_brought_no_money_is_no_difference(status):
    assert unheard("sandbox", item(datetime(2026, 11, 27, tzinfo=UTC), status=status)) is None


@pytest.mark.parametrize("status", ["succeeded", "disputed"])
def test_what_was_taken_counts_less_what_went_back(status):
    one = item(datetime(2026, 11, 27, tzinfo=UTC), status=status)
    money = {"minor": 3000, "currency": "EUR"}
    assert unheard("sandbox", one).found.minor == 4900
    assert unheard("sandbox", {**one, "captured": money}).found.minor == 3000
    assert unheard("sandbox", {**one, "captured": money, "refunded": {**money, "minor": 1}}).found.minor == 2999
    assert unheard("sandbox", {**one, "captured": money, "refunded": money}) is None


def test_a_list_that_may_not_be_read_is_shown_and_can_be_read_again(quick):
    answers = {"payment.list": PermanentError("You may not list them.", code="forbidden")}
    answering(quick, answers)
    begin = begins(quick)
    compare(quick, "payment", begin)
    (row,) = rows(quick)
    assert (row.subject, row.state, row.why) == ("", "differs", "You may not list them.")
    answers["payment.list"] = {"items": []}
    assert reconciliation.compare_listed_again(quick.hub.office("page"), row.id, "grace@example.com")
