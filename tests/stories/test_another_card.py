"""A member of a subscription that the gateway charges gives another card, by the visit that the portal leads to."""

import sqlalchemy as sa

from hub.engine.new_means import Change, owner_of
from hub.journal.tables import checkouts
from hub.journal.tables_billing import told_subscriptions
from tests.stories.cells import plan_of, wait
from tests.stories.payers import Visa

BACK = "https://hub.example.com/m/token"


def test_at_visa_the_card_changes_within_the_customer_token(tmp_path):
    with Visa.opened(tmp_path) as market:
        market.fake.saved = 1
        run = market.begin(plan_of(market) + market.joining() + wait("started", "subscription.started"), "o_member")
        market.subscribe(market.output(run, "join"))
        market.ended(run)
        hub = market.live.hub
        with hub.database.read() as connection:
            told = connection.execute(sa.select(told_subscriptions)).one()
        hub.new_means.begin(Change(told, "Gold: another card", "k1", BACK))
        (visit,) = market.visits(checkouts.c.owner == owner_of(told.connection, told.subscription))
        market.pay({"payment": visit.payment})
        market.live.until(lambda: hub.new_means.standing(told.connection, told.subscription) == "stored")
        cards = [(one["instrumentIdentifier"]["id"], one["default"]) for one in market.fake.cards["TOKENMADEUP0001"]]
        assert cards == [("IDENTIFIER0001", False), ("IDENTIFIER0002", True)]
