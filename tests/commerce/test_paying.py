"""Paying with a choice of gateway: who is offered, and one checkout for clicks that belong together."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from hub.commerce import paying
from hub.connect.manifest import Currencies, Support
from hub.errors import ConflictError, HubError, PermanentError
from hub.journal.tables_commerce import pay_attempts
from hub.money import Money

EUR = Money(4900, "EUR")
BACK = "https://hub.example.com/o/back"


def begin(shop, connection="corner", key="click", amount=EUR, order="ord_1", **more):
    given = {"description": "Order 1", "customer": {"email": "ada@example.com"}, "return_url": BACK, **more}
    return paying.begin(shop.office(key), connection, amount, {"order": order}, **given)


def manifest(shop, limits=None, status=Support.NATIVE, **currencies):
    known = shop.office().manifest("corner")
    cell = replace(known.capabilities["single_payment"], limits=limits or {}, status=status)
    capabilities = {**known.capabilities, "single_payment": cell}
    return replace(known, capabilities=capabilities, currencies=Currencies(**currencies))


def test_the_gateways_that_are_switched_on_are_offered_by_name(shop):
    assert [one.connection for one in paying.options(shop.office(), EUR)] == ["corner", "second"]
    shop.hub.accounts.enable("second", "test", enabled=False)
    assert [one.connection for one in paying.options(shop.office(), EUR)] == ["corner"]


def test_the_settings_name_options_limit_their_means_and_hide_some(shop):
    shop.hub.store.put_fact(
        "pay_options",
        {"corner": {"title": "Card", "methods": ["card"]}, "second": {"hidden": True}},
        shop.moment,
    )
    assert paying.options(shop.office(), EUR) == (paying.Option("corner", "Card", ("card",)),)


def test_an_order_may_name_its_own_choice_in_its_own_order(shop):
    named = paying.judged(shop.office(), EUR, ["second", "gone", "mail", "corner"])
    assert [one.connection for one in named if not one.refusal] == ["second", "corner"]
    assert {one.connection: one.refusal for one in named if one.refusal} == {
        "gone": "The connection gone is not there, or is switched off.",
        "mail": "The connection mail is not there, or is switched off.",
    }


@pytest.mark.parametrize(
    ("limits", "currencies", "amount", "refusal"),
    [
        ({}, {"supported": ("USD",)}, EUR, "Corner gateway: The gateway does not take EUR."),
        ({}, {"exponents": {"HUF": 0}}, Money(1050, "HUF"), "Corner gateway: 10.50 HUF has more decimals than the gateway takes for HUF (0)."),
        ({"currencies": ["INR"], "least_minor": 900}, {}, Money(899, "INR"), "Corner gateway takes at least 9.00 INR."),
        ({"currencies": ["INR"], "most_minor": 900}, {}, Money(901, "INR"), "Corner gateway takes at most 9.00 INR."),
        ({"currencies": ["INR"]}, {}, EUR, "Corner gateway takes INR only."),
        ({"least_inr_minor": 100}, {}, Money(99, "INR"), "Corner gateway takes at least 1.00 INR."),
        ({"least_inr_minor": 100}, {}, Money(99, "EUR"), ""),
        ({"currencies": ["INR"], "least_minor": 900, "most_minor": 900}, {}, Money(900, "INR"), ""),
        ({}, {}, Money(12500, "KWD"), ""),
    ],
)  # fmt: skip
def test_a_gateway_that_cannot_take_the_amount_says_why(shop, limits, currencies, amount, refusal):
    assert paying.refusal(manifest(shop, limits, **currencies), amount) == refusal


def test_a_gateway_without_payments_is_never_offered(shop):
    assert paying.refusal(manifest(shop, status=Support.NONE), EUR) == "Corner gateway takes no payments from payers."


def test_a_click_begins_one_checkout_with_what_it_is_for(shop, gateway):
    url = begin(shop, metadata={"shelf": "7"})
    [payment] = gateway.payments.values()
    assert url == payment["url"]
    assert (payment["amount"], payment["currency"], payment["metadata"]) == (4900, "EUR", {"shelf": "7"})
    assert shop.event("payment.created")["order"] == "ord_1"


def test_clicks_within_half_an_hour_lead_to_the_same_checkout(shop, gateway):
    first = begin(shop, key="one")
    shop.moment += timedelta(minutes=29)
    assert begin(shop, key="two") == first
    assert len(gateway.payments) == 1


def test_clicks_lead_to_the_same_checkout_while_its_payment_is_under_way(shop, gateway):
    first = begin(shop, key="one")
    for number, kind in enumerate(("pending", "authorized")):
        shop.moment += timedelta(seconds=1)
        shop.happen(f"payment.{kind}", payment="c_1", amount=EUR.to_json())
        assert begin(shop, key=f"again {number}") == first
    assert len(gateway.payments) == 1


@pytest.mark.parametrize("news", [["failed"], ["expired"], ["authorized", "voided"], ["succeeded", "returned"]])
def test_no_click_leads_to_a_checkout_whose_payment_is_decided(shop, gateway, news):
    first = begin(shop, key="one")
    for kind in news:
        shop.moment += timedelta(seconds=1)
        shop.happen(f"payment.{kind}", payment="c_1", amount=EUR.to_json())
    assert begin(shop, key="two") != first
    assert len(gateway.payments) == 2


def test_no_click_leads_to_an_address_that_has_run_out(shop, gateway):
    gateway.ends = (shop.moment + timedelta(minutes=10)).isoformat()
    first = begin(shop, key="one")
    shop.moment += timedelta(minutes=10) - timedelta(seconds=1)
    assert begin(shop, key="two") == first
    shop.moment += timedelta(seconds=1)
    assert begin(shop, key="three") != first


def test_a_checkout_whose_beginning_was_cut_off_is_begun_anew_after_two_minutes(shop, gateway):
    asked = {"description": "", "customer": None, "return_url": BACK}
    with pytest.raises(KeyboardInterrupt):
        paying.begin(Interrupted(shop.office("one")), "corner", EUR, {"order": "ord_1"}, **asked)
    shop.moment += timedelta(minutes=2) - timedelta(seconds=1)
    with pytest.raises(ConflictError, match="at this very moment"):
        begin(shop, key="two")
    shop.moment += timedelta(seconds=1)
    assert begin(shop, key="three") == list(gateway.payments.values())[1]["url"]
    with shop.hub.database.read() as connection:
        rows = connection.execute(pay_attempts.select().order_by(pay_attempts.c.number)).all()
    assert [(row.number, row.state) for row in rows] == [(1, "beginning"), (2, "begun")]


def test_options_stand_in_the_order_of_their_places_and_a_named_one_is_offered_though_hidden(shop):
    def offered(settings, named=None):
        shop.hub.store.put_fact("pay_options", settings, shop.moment)
        return [one.connection for one in paying.options(shop.office(), EUR, named)]

    assert offered({"second": {"place": 1}}) == ["second", "corner"]
    assert offered({"second": {"place": 2}, "corner": {"place": 1}}) == ["corner", "second"]
    assert offered({"second": {"hidden": True}}) == ["corner"]
    assert offered({"second": {"hidden": True}}, ["second"]) == ["second"]


@pytest.mark.parametrize("later", ["half an hour", "another amount", "another option", "another order", "it failed"])
def test_another_checkout_is_begun_when_it_must_be(shop, gateway, later):
    first = begin(shop, key="one")
    more = {}
    if later == "half an hour":
        shop.moment += timedelta(minutes=30)
    elif later == "another amount":
        more = {"amount": Money(5000, "EUR")}
    elif later == "another option":
        more = {"connection": "second"}
    elif later == "another order":
        more = {"order": "ord_2"}
    else:
        shop.happen("payment.failed", payment="c_1", amount=EUR.to_json())
    assert begin(shop, key="two", **more) != first
    assert len(gateway.payments) == 2


def test_two_clicks_at_once_do_not_begin_two_checkouts(shop, gateway):
    def click(key):
        try:
            return begin(shop, key=key)
        except ConflictError:
            return None

    with ThreadPoolExecutor(4) as threads:
        urls = {url for url in threads.map(click, ["one", "two", "three", "one"]) if url}
    assert len(urls) == 1
    assert len(gateway.payments) == 1


def test_a_click_that_was_cut_off_goes_on_under_its_own_key_only(shop, gateway, monkeypatch):
    office = shop.office("one")
    asked = {"description": "", "customer": None, "return_url": BACK}
    with pytest.raises(KeyboardInterrupt):
        paying.begin(Interrupted(office), "corner", EUR, {"order": "ord_1"}, **asked)
    with pytest.raises(ConflictError, match="at this very moment"):
        begin(shop, key="two")
    assert begin(shop, key="one") == next(iter(gateway.payments.values()))["url"]
    assert len(gateway.payments) == 1


class Interrupted:
    """An office whose process dies right after the gateway answered."""

    def __init__(self, office):
        self._office = office

    def __getattr__(self, name):
        return getattr(self._office, name)

    def call(self, *given):
        self._office.call(*given)
        raise KeyboardInterrupt


def test_a_gateway_that_fails_is_asked_anew_at_the_next_click(shop, gateway):
    shop.hub.accounts.update("second", {"api_base": gateway.url, "api_key": "wrong"}, 1, "test")
    for key in ("one", "two"):
        with pytest.raises(HubError):
            begin(shop, "second", key=key)
    with shop.hub.database.read() as connection:
        assert [row.state for row in connection.execute(pay_attempts.select())] == ["failed", "failed"]
    assert begin(shop, "corner", key="three")


def test_an_option_that_cannot_take_the_amount_is_refused_whoever_asks(shop, gateway):
    for connection in ("gone", "mail"):
        with pytest.raises(PermanentError) as caught:
            begin(shop, connection)
        assert caught.value.code == "method_unavailable"
    with pytest.raises(PermanentError, match="must say what it is for"):
        paying.begin(shop.office(), "corner", EUR, {}, description="", customer=None, return_url=BACK)
    assert gateway.payments == {}


class Listening:
    """An office that keeps what a gateway is asked."""

    def __init__(self, office):
        self._office = office
        self.asked = []

    def __getattr__(self, name):
        return getattr(self._office, name)

    def call(self, connection, action, given, part):
        self.asked.append((connection, action, given))
        return self._office.call(connection, action, given, part)


def test_a_gateway_is_asked_for_what_the_click_is_for_and_the_means_it_is_limited_to(shop, gateway):
    shop.hub.store.put_fact("pay_options", {"corner": {"methods": ["card"]}}, shop.moment)
    office = Listening(shop.office("click"))
    more = {"description": "x" * 600, "customer": {"email": "ada@example.com"}, "metadata": {"desk": "7"}}
    paying.begin(office, "corner", EUR, {"order": "ord_1", "link": "plk_1"}, return_url=BACK, **more)
    paying.begin(office, "second", EUR, {"invoice": "inv_1"}, return_url=BACK, description="", customer=None)
    amount = EUR.to_json()
    assert office.asked == [
        (
            "corner",
            "payment.create",
            {"order": "ord_1", "link": "plk_1", "amount": amount, "return_url": BACK, "cancel_url": BACK, "methods": ["card"],
             "description": "x" * 500, "customer": {"email": "ada@example.com"}, "metadata": {"desk": "7"}},
        ),
        ("second", "payment.create", {"invoice": "inv_1", "amount": amount, "return_url": BACK, "cancel_url": BACK}),
    ]  # fmt: skip


def test_a_checkout_of_one_currency_is_not_that_of_another(shop, gateway):
    assert begin(shop, key="one") != begin(shop, key="two", amount=Money(EUR.minor, "USD"))
    assert [payment["currency"] for payment in gateway.payments.values()] == ["EUR", "USD"]


def test_news_of_another_connections_payment_of_the_same_name_ends_no_checkout(shop, gateway):
    first = begin(shop, key="one")
    shop.happen("payment.failed", "second", payment="c_1", amount=EUR.to_json())
    assert begin(shop, key="two") == first


def test_a_click_that_was_cut_off_does_not_go_on_with_another_amount(shop, gateway):
    asked = {"description": "", "customer": None, "return_url": BACK}
    with pytest.raises(KeyboardInterrupt):
        paying.begin(Interrupted(shop.office("one")), "corner", EUR, {"order": "ord_1"}, **asked)
    with pytest.raises(ConflictError, match="at this very moment"):
        begin(shop, key="one", amount=Money(5000, "EUR"))


def test_a_repetition_that_fails_late_does_not_undo_the_checkout_that_was_begun(shop, gateway):
    class Late(Listening):
        def call(self, *given):
            begin(shop, key="one")
            raise PermanentError("Too late.", code="uncertain", remedy="Wait.")

    with pytest.raises(PermanentError, match="Too late"):
        begin_by(Late(shop.office("one")))
    assert begin(shop, key="two") == next(iter(gateway.payments.values()))["url"]
    assert len(gateway.payments) == 1


def begin_by(office):
    return paying.begin(office, "corner", EUR, {"order": "ord_1"}, description="", customer=None, return_url=BACK)


def test_what_is_no_gateway_is_offered_to_nobody_and_refused_where_it_is_named(shop):
    shop.hub.accounts.create("office", "http", {"base_url": "https://office.example.com"}, "test")
    assert "office" in shop.office().connections()
    assert [one.connection for one in paying.judged(shop.office(), EUR)] == ["corner", "second"]
    (named,) = paying.judged(shop.office(), EUR, ["office"])
    assert named.refusal == "HTTP takes no payments."


def test_a_gateway_says_its_own_reason_why_it_takes_no_payments(shop):
    known = manifest(shop)
    cell = replace(known.capabilities["single_payment"], status=Support.NONE, reason="It pays out only.")
    assert paying.takes_nothing(replace(known, capabilities={"single_payment": cell})) == "It pays out only."
    for less in ({"capabilities": {}}, {"actions": {}}):
        assert paying.takes_nothing(replace(known, **less)) == "Corner gateway takes no payments from payers."
    assert paying.takes_nothing(known) == ""
