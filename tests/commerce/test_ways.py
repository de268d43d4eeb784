"""The ways to pay as an admin sets them: read from what was typed, every mistake at its field."""

from __future__ import annotations

import pytest

from hub.commerce.paying import in_order, refusal
from hub.commerce.ways import Typed, Way, read_ways, typed_of, way_of
from hub.connect.manifest import Kind
from hub.connect.registry import Registry
from hub.money import Money

REGISTRY = Registry.load()
CARD = Way("stripe-main", "Stripe", ("card", "bank"), (), "Every currency.", "")
UPI = Way("rzp", "Razorpay", ("card", "upi"), ("card", "upi"), "INR.", "")


def read(**typed):
    """Two ways, with what was typed for ``stripe`` or ``rzp``."""
    return read_ways([CARD, UPI], {"stripe-main": typed.get("stripe", Typed()), "rzp": typed.get("rzp", Typed())})


def test_what_is_as_usual_is_not_kept():
    assert read() == ({}, {})
    assert read(stripe=Typed(means=("bank", "card"))) == ({}, {}), "all means are no limit"


def test_name_place_means_and_hiding_are_kept_and_come_back_as_they_were_typed():
    typed = Typed("Card", "2", shown=False, means=("card",))
    setting, wrong = read(stripe=typed)
    assert wrong == {}
    assert setting == {"stripe-main": {"title": "Card", "place": 2, "hidden": True, "methods": ["card"]}}
    assert typed_of(setting["stripe-main"]) == typed


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        (Typed(title="x" * 61), "title", "at most 60 characters; these are 61"),
        (Typed(title="razorpay"), "title", "cannot tell them apart"),
        (Typed(place="0"), "place", "1 to 99"),
        (Typed(place="100"), "place", "1 to 99"),
        (Typed(place="-1"), "place", "1 to 99"),
        (Typed(place="१"), "place", "1 to 99"),
        (Typed(place="1.5"), "place", "1 to 99"),
        (Typed(means=("cheque",)), "means", "cannot be limited to cheque"),
    ],
)
def test_a_mistake_is_said_at_its_field(typed, field, said):
    _, wrong = read(stripe=typed)
    ((place, words),) = wrong.items()
    assert place in {("stripe-main", field), ("rzp", field)}
    assert said in words


def test_two_that_payers_cannot_tell_apart_are_fine_when_one_is_hidden():
    assert read(stripe=Typed(title="Razorpay"), rzp=Typed(shown=False))[1] == {}


def test_means_that_go_alone_are_ticked_alone_or_all():
    three = Way("rzp", "Razorpay", ("card", "upi", "wallet"), ("card", "upi", "wallet"), "", "")
    assert read_ways([three], {"rzp": Typed(means=("upi",))})[1] == {}
    assert read_ways([three], {"rzp": Typed(means=("upi", "card", "wallet"))}) == ({}, {})
    assert "only by itself" in read_ways([three], {"rzp": Typed(means=("upi", "card"))})[1]["rzp", "means"]


def test_those_with_a_place_come_first_and_the_others_by_name():
    settings = {"c": {"place": 1}, "b": {"place": 2}, "d": {"title": "D"}}
    assert in_order(["a", "b", "c", "d"], settings) == ["c", "b", "a", "d"]


@pytest.mark.parametrize(
    ("name", "takes"),
    [
        ("instamojo", "INR; at least ₹9.00, at most ₹200,000.00."),
        ("razorpay", "at least ₹1.00"),
        ("sandbox", "Every currency that the account takes."),
    ],
)
def test_what_a_gateway_can_take_is_said_in_words(name, takes):
    assert takes in way_of("shop", REGISTRY.get(name).manifest).takes


def test_what_takes_no_payments_says_why():
    way = way_of("wires", REGISTRY.get("moneygram").manifest)
    assert (way.takes, way.refusal) == ("", "MoneyGram sends money; it charges no payer for a shop.")


@pytest.mark.parametrize(
    "manifest", [one for one in REGISTRY.manifests() if one.kind is Kind.GATEWAY], ids=lambda one: one.name
)
def test_what_a_manifest_says_of_means_hangs_together(manifest):
    way = way_of("shop", manifest)
    assert set(way.alone) <= set(way.means)
    assert len(set(way.means)) == len(way.means)
    assert bool(way.refusal) == bool(refusal(manifest, Money(500_000, "MXN")) and not way.takes)
