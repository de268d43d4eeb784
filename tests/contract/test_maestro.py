"""Maestro through other gateways' connections, over HTTP, with the payments and events at the connection that does the work."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import ClassVar

import pytest
import requests

from hub.config import load_settings
from hub.connect.api import Call, Connection
from hub.connect.registry import Registry
from hub.engine.hub import Hub, Role
from hub.errors import ConfigError, PermanentError, UncertainError
from hub.journal.tables import checkouts, payments
from tests.stories.cells import step, wait
from tests.stories.payers import MARKETS, Maestro

EUR = {"minor": 4900, "currency": "EUR"}
KEY = "0" * 40
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


def through(gateway):
    """A market of Maestro's whose route is a connection of another gateway."""
    base = MARKETS[gateway]

    class Routed(base):
        name = "maestro"
        fields: ClassVar = {"route": "cards"}

        def connect(self):
            fields = {**self.fake.fields(), **base.fields}
            self.live.hub.accounts.create("cards", gateway, fields, "test")
            self.live.hub.accounts.create("shop", "maestro", self.fields, "test")
            self.hooks = f"{self.live.address}/hooks/cards"

    return Routed


@pytest.fixture
def market(tmp_path):
    with Maestro.opened(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize("gateway", ["mastercard", "stripe", "visa"])
def test_the_route_makes_the_payment_tells_it_once_and_keeps_it(gateway, tmp_path):
    with through(gateway).opened(tmp_path) as market:
        given = {"amount": market.money(4900), "order": "o_1", "return_url": "https://shop.example.com/thanks"}
        run = market.begin(
            step("pay", "payment.create", given) + wait("paid", "payment.succeeded", 'data.order: "o_1"'), "o_1"
        )
        made = market.output(run, "pay")
        assert (made["gateway"]["brand"], made["gateway"]["via"]) == ("maestro", "cards")
        market.pay(made)
        market.ended(run)
        told = market.live.events(type="payment.succeeded")
        assert [one.source for one in told] == ["cards"]
        paid = market.output(run, "paid")["data"]
        assert (paid["amount"], paid["metadata"]["brand"]) == (market.money(4900), "maestro")
        rows = market.live.hub.payments.store.list(payments)
        assert {(row.connection, row.state) for row in rows} == {("cards", "succeeded")}
        assert market.live.events(source="shop") == []


def test_visas_form_takes_maestro_alone(tmp_path):
    with through("visa").opened(tmp_path) as market:
        form = market.live.hub.payments.act("shop", "form.embed", KEY, {"amount": market.money(4900)})
        (minted,) = [one.json() for one in market.fake.received if one.path.endswith("/capture-contexts")]
        assert minted["allowedCardNetworks"] == ["MAESTRO"]
        assert minted["captureMandate"]
        market.fill_in(form)
        market.live.until(lambda: market.deliver() or market.live.events(type="payment.succeeded"))
        assert [one.source for one in market.live.events(type="payment.succeeded")] == ["cards"]


def test_a_visit_that_chose_maestro_goes_on_at_the_route(market):
    """One of several ways to pay an order: the visit is settled by what the route's connection tells."""
    hub = market.live.hub
    visit = {
        "connection": "shop",
        "state": "open",
        "purpose": "order",
        "owner": "o_1",
        "input": {"amount": EUR, "order": "o_1"},
    }
    hub.payments.store.add(checkouts, {"id": "chk_1", **visit}, hub.now())
    page = f"{hub.pages.pay('chk_1')}"
    assert requests.post(page, allow_redirects=False, timeout=10).ok
    (begun,) = market.visits(checkouts.c.id == "chk_1")
    assert begun.connection == "cards"
    market.pay({"payment": begun.payment})
    assert hub.payments.standing("chk_1").state == "paid"
    assert [one.source for one in market.live.events(type="payment.succeeded")] == ["cards"]


# The brand's limits.


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"method": "tok/agr"}, "method_unavailable"),
        ({"save_method": True}, "method_unavailable"),
        ({"capture": "manual"}, "not_enabled"),
    ],
)
def test_what_the_brand_does_not_allow_is_refused_before_the_route_hears_of_it(more, code, tmp_path):
    with through("mastercard").opened(tmp_path) as market:
        with pytest.raises(PermanentError) as caught:
            market.live.hub.payments.act("shop", "payment.create", KEY, {"amount": EUR, **more})
        assert caught.value.code == code
        assert market.fake.received == []


def test_what_is_held_can_be_let_go_after_holding_was_switched_off(market):
    hub = market.live.hub
    given = {"amount": EUR, "order": "o_1", "capture": "manual", "return_url": "https://shop.example.com/thanks"}
    made = hub.payments.act("shop", "payment.create", KEY, given)
    market.pay(made)
    row = hub.store.connection("shop")
    hub.accounts.update("shop", {"route": "cards", "holds": False}, row.version, "test")
    dropped = hub.payments.act("shop", "payment.void", "1" * 40, {"payment": made["payment"]})
    assert dropped["status"] == "voided"


@contextmanager
def set_up(tmp_path, connector, fields, **own):
    hub = Hub.open(load_settings({}, workspace=tmp_path), Role.TOOL, lambda: NOW)
    hub.accounts.create("cards", connector, fields, "test")
    hub.accounts.create("maestro-main", "maestro", {"route": "cards", **own}, "test")
    yield hub
    hub.close()


MASTERCARD = {"merchant_id": "TESTMADEUP", "api_password": "made-up-password", "api_base": "https://gateway.example"}
VISA = {"payer_authentication": False}
STRIPE = {"secret_key": "sk_test_made_up"}


@pytest.mark.parametrize(
    ("connector", "fields", "own", "said"),
    [
        ("mastercard", {**MASTERCARD, "three_d_secure": "profile"}, {}, "does not ask every payer's bank"),
        ("sandbox", {"api_base": "https://pay.example", "api_key": "k" * 20}, {}, "cannot go through"),
        ("stripe", STRIPE, {"route": "card"}, "There is no connection 'card'. Did you mean 'cards'?"),
        ("stripe", STRIPE, {"route": "maestro-main"}, "cannot go through"),
    ],
)
def test_a_route_that_cannot_take_maestro_is_named_with_what_to_do(connector, fields, own, said, tmp_path):
    with set_up(tmp_path, connector, fields, **own) as hub:
        tested = hub.accounts.test("maestro-main")
        assert (tested.ok, said in tested.message) == (False, True), tested.message
        with pytest.raises(ConfigError):
            hub.payments.act("maestro-main", "payment.create", KEY, {"amount": EUR})


def test_authorize_net_is_refused_unless_the_acquirer_confirmed_it(tmp_path):
    with (
        MARKETS["authorize_net"].fake_class().running() as fake,
        set_up(tmp_path, "authorize_net", fake.fields()) as hub,
    ):
        assert "does not name Maestro" in hub.accounts.test("maestro-main").message
        row = hub.store.connection("maestro-main")
        hub.accounts.update("maestro-main", {"route": "cards", "unnamed_route": True}, row.version, "test")
        assert hub.accounts.test("maestro-main").ok


def test_the_test_says_where_it_goes_and_that_the_brand_is_ending(tmp_path):
    with set_up(tmp_path, "stripe", STRIPE) as hub:
        tested = hub.accounts.test("maestro-main")
        assert tested.ok
        assert tested.message.startswith(
            "Maestro goes through cards (stripe). No new Maestro cards are issued in Europe"
        )


def test_a_recipe_recognises_a_card_by_its_first_digits(market):
    run = market.begin(step("card", "card.recognise", {"digits": "675900"}), "o_1")
    market.ended(run)
    assert market.output(run, "card") == {"maestro": "yes", "brand": "Maestro"}
    with pytest.raises(PermanentError):
        market.live.hub.payments.act("shop", "card.recognise", KEY, {"digits": "6759000000000000"})


# Repeats.


def test_a_repeat_is_the_same_payment_at_the_route(market):
    given = {"amount": EUR, "order": "o_1", "return_url": "https://shop.example.com/thanks"}
    first, second = (market.live.hub.payments.act("shop", "payment.create", KEY, given) for _ in range(2))
    assert json.dumps(first) == json.dumps(second)
    assert len([one for one in market.fake.received if one.path.endswith("/session")]) == 1


class Doubtful:
    """Stands for the hub's other connections when the answer of one is lost."""

    def connector(self, _connection):
        return "stripe"

    def settings(self, _connection):
        return {}

    def run(self, _connection, _action, _given, _part):
        raise UncertainError("The answer was lost.", remedy="Look at the gateway.")


def test_what_nobody_knows_of_is_not_tried_again_from_here():
    connector = Registry.load().get("maestro")
    connection = Connection("shop", "maestro", {"route": "cards"}, {})
    call = Call(connection, {"payment": "pi_1"}, KEY, "ref", NOW, None, services={"connections": Doubtful()})
    with pytest.raises(PermanentError) as caught:
        connector.run("payment.refund", call)
    assert (caught.value.code, caught.value.remedy) == ("uncertain", "Look at the gateway.")
    assert "At cards: The answer was lost." in caught.value.message
