"""The list of Visa's payments: what its transaction search has of a time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.errors import PermanentError, TransientError
from tests.contract.desk import NOW
from tests.contract.test_listings import listed
from tests.contract.visa_steps import PART, STORED, USD, begun, desk_of, paid, told
from tests.fakes.fake_visa import FakeVisa
from tests.fakes.server import DOWN


@pytest.fixture
def visa():
    with FakeVisa().running() as fake:
        yield fake
    assert fake.complaints == []


@pytest.fixture
def desk(visa, registry, outbound):
    return desk_of(visa, registry, outbound)


def sold(visa, code="shop-1", *, captured=True, **more):
    """A sale that somebody else's system made."""
    details = {"totalAmount": "10.00", "currency": "USD"}
    body = {"clientReferenceInformation": {"code": code}, "orderInformation": {"amountDetails": details}}
    return visa.sale(body, captured=captured, **more)["id"]


def ids(items):
    return [one["payment"] for one in items]


def test_payments_go_by_the_ids_of_their_reports(desk, visa):
    form = paid(desk, visa)["payment"]
    page = begun(desk.with_settings(hosted_page="pay_by_link"), key="page")["payment"]
    visa.pay(page)
    visa.pay(page)
    link = desk.run("link.create", {"amount": USD}, key="link")["link"]
    visa.pay(link)
    stored = desk.run("payment.create", STORED, key="stored")["payment"]
    other = sold(visa)
    reported = [one.data["payment"] for one in told(desk, visa) if one.type == "payment.succeeded"]
    items, pages = listed(desk, "payment.list")
    assert (ids(items), pages) == (reported, 1)
    assert (ids(items)[:2], ids(items)[-2:]) == ([form, page], [stored, other])
    assert items[-1] == {
        "payment": other, "status": "succeeded", "amount": USD, "captured": USD,
        "created_at": visa.transactions[other]["submitTimeUTC"],
    }  # fmt: skip


def test_captures_stand_beside_their_authorisation_under_the_same_payment(desk, visa):
    held = desk.run("payment.create", {**STORED, "capture": "manual"}, key="held")["payment"]
    (one,), _ = listed(desk, "payment.list")
    assert (one["payment"], one["status"], one["amount"], one["captured"]["minor"]) == (held, "authorized", USD, 0)
    desk.run("payment.capture", {"payment": held, "amount": PART}, key="take")
    items, _ = listed(desk, "payment.list")
    assert [(one["payment"], one["status"], one["captured"]["minor"]) for one in items] == [
        (held, "authorized", 0), (held, "succeeded", 400),
    ]  # fmt: skip


def test_neither_refusals_nor_refunds_nor_payouts_are_payments(desk, visa):
    payment = sold(visa)
    sold(visa, reason="PROCESSOR_DECLINED")
    desk.run("payment.refund", {"payment": payment, "amount": PART}, key="back")
    desk.run("payout.create", {"provider": "prv_2", "amount": USD, "to": {"card": "TOKENMADEUP0002"}}, key="out")
    voided = sold(visa)
    desk.run("payment.void", {"payment": voided}, key="void")
    items, _ = listed(desk, "payment.list")
    assert ids(items) == [payment, voided]
    assert desk.run("payment.get", {"payment": voided})["status"] == "voided", "the list cannot know"


def test_debits_are_pending_until_they_arrive(desk, visa):
    details = {"totalAmount": "10.00", "currency": "USD"}
    body = {"clientReferenceInformation": {"code": "x"}, "orderInformation": {"amountDetails": details}}
    made = [visa.book("ics_ecp_debit", body, processorInformation={"eventStatus": word})["id"] for word in ("PENDING", "SETTLED", "RETURNED")]  # fmt: skip
    items, _ = listed(desk, "payment.list")
    assert (ids(items), [one["status"] for one in items]) == (made, ["pending", "succeeded", "failed"])


def test_a_hundred_transactions_are_a_page_and_the_end_is_not_listed(desk, visa):
    made = [sold(visa) for _ in range(101)]
    items, pages = listed(desk, "payment.list")
    assert (ids(items), pages) == (made, 2)
    times = {"since": (NOW + timedelta(seconds=2)).isoformat(), "until": (NOW + timedelta(seconds=4)).isoformat()}
    items, pages = listed(desk, "payment.list", **times)
    assert (ids(items), pages) == (made[1:3], 1)


def test_errors_are_told_apart(desk, visa):
    assert listed(desk, "payment.list") == ([], 1)
    for after in ("soon", "-1", "²"):
        with pytest.raises(PermanentError, match="no page"):
            listed(desk, "payment.list", after=after)
    number = sold(visa)
    visa.transactions[number]["submitTimeUTC"] = "2026-11-23T09:00:07Z?"
    with pytest.raises(TransientError, match=number):
        listed(desk, "payment.list")
    visa.treat(DOWN)
    with pytest.raises(TransientError):
        listed(desk, "payment.list")
