"""What the hub adds to every payment: the way back over its page, and a watch until it is decided."""

import pytest

from tests.fakes.server import DOWN
from tests.payments.conftest import ADA, EUR

ORDER = {
    "amount": EUR,
    "order": "o_1",
    "customer": ADA,
    "return_url": "https://shop.example.com/thanks",
    "cancel_url": "https://shop.example.com/basket",
}


def test_the_payer_comes_back_over_the_hub_and_the_payment_is_completed_once(corner):
    made = corner.act("payment.create", ORDER)
    answer = corner.pay(made["checkout_url"])
    assert (answer.status_code, answer.headers["Location"]) == (303, "https://shop.example.com/thanks")
    assert corner.told() == ["payment.created", "payment.succeeded"]
    paid = corner.event("payment.succeeded")
    assert (paid["payment"], paid["amount"], paid["order"], paid["customer"]) == (made["payment"], EUR, "o_1", ADA)
    corner.visit(corner.gateway.payments[made["payment"]]["return_url"])
    corner.forward(days=1)
    assert corner.told() == ["payment.created", "payment.succeeded"]


def test_a_proof_that_is_not_the_gateways_pays_nothing(corner):
    made = corner.act("payment.create", ORDER)
    back = corner.gateway.pay(made["payment"]).replace("proof-", "forged-")
    assert corner.visit(back).headers["Location"] == "https://shop.example.com/thanks", (
        "the payer waits; nothing is paid"
    )
    assert corner.state(made["payment"]) == "pending"


def test_a_payer_who_never_comes_back_is_found_by_asking(corner):
    made = corner.act("payment.create", ORDER)
    corner.gateway.pay(made["payment"])
    corner.gateway.settle(made["payment"])
    corner.forward(hours=6)
    assert corner.told() == ["payment.created", "payment.succeeded"]
    asked = corner.gateway.count("GET", made["payment"])
    corner.forward(days=2)
    assert corner.gateway.count("GET", made["payment"]) == asked, "a decided payment is not asked about"


def test_a_payment_that_waits_for_a_bank_for_days_ends_either_way(corner):
    good, bad = (corner.act("payment.create", ORDER, key) for key in ("good", "bad"))
    for made in (good, bad):
        corner.gateway.pay(made["payment"])
    corner.forward(days=3)
    assert corner.told("payment.pending") == ["payment.pending", "payment.pending"]
    corner.gateway.settle(good["payment"])
    corner.gateway.settle(bad["payment"], "failed", "insufficient_funds")
    corner.forward(days=1)
    assert (corner.state(good["payment"]), corner.state(bad["payment"])) == ("succeeded", "failed")
    assert corner.event("payment.failed")["reason"] == "insufficient_funds"


def test_asking_goes_on_ever_more_rarely_and_ends(corner):
    made = corner.act("payment.create", ORDER)
    corner.forward(days=70)
    asked = corner.gateway.count("GET", made["payment"])
    assert 200 < asked < 280
    corner.forward(days=20)
    assert corner.gateway.count("GET", made["payment"]) == asked


def test_a_gateway_that_is_down_at_the_return_is_asked_later(corner):
    made = corner.act("payment.create", ORDER)
    back = corner.gateway.pay(made["payment"])
    corner.gateway.treat(DOWN)
    answer = corner.visit(back)
    assert answer.status_code == 200
    assert "not lost" in answer.text
    corner.gateway.settle(made["payment"])
    corner.forward(hours=6)
    assert corner.state(made["payment"]) == "succeeded"


@pytest.mark.parametrize("address", ["/pay/nonsense", "/pay/nonsense/return", "/l/nonsense"])
def test_an_address_that_was_made_up_says_so(corner, address):
    answer = corner.visit(address)
    assert answer.status_code == 404
    assert "This link does not work" in answer.text


def test_an_address_serves_one_purpose_only(corner):
    link = corner.act("link.create", {"amount": EUR})["url"]
    assert corner.visit(link.replace("/l/", "/pay/")).status_code == 404


def test_the_same_step_begins_one_payment(corner):
    first, second = corner.act("payment.create", ORDER), corner.act("payment.create", ORDER)
    assert first == second
    assert len(corner.gateway.payments) == 1
    assert corner.told() == ["payment.created"]
