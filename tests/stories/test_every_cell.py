"""Every cell of the table: what says native or by the hub is done by a recipe, over HTTP, at the gateway's fake.

What says "not offered" is refused when the recipe is saved, with the cell's reason. And all that was heard of a gateway
meanwhile is told to other hubs in other orders, which end the same.
"""

from random import Random

import pytest
import requests
import sqlalchemy as sa

from hub.connect.manifest import CAPABILITIES, Support, gateway_actions
from hub.journal.entries import Happening
from hub.journal.tables import events, payments
from hub.journal.tables_billing import told_plans, told_subscriptions
from hub.journal.tables_ledger import ledger_movements
from hub.payments import ledger
from hub.recipes.findings import FindingsError
from tests.payments.books import Books
from tests.stories.cells import CELLS, begin_something, step
from tests.stories.markets import recipe
from tests.stories.payers import MARKETS


@pytest.fixture(scope="module", params=MARKETS)
def market(request, tmp_path_factory):
    with MARKETS[request.param].opened(tmp_path_factory.mktemp(request.param)) as opened:
        yield opened


@pytest.mark.parametrize("capability", CELLS)
def test_a_recipe_does_what_the_cell_says(market, capability):
    cell = market.manifest.capabilities[capability]
    if cell.status is Support.NONE:
        is_refused(market, capability, cell.reason)
    else:
        CELLS[capability](market)


def is_refused(market, capability, reason):
    """No recipe that asks for it can be saved; whoever tries reads why."""
    asking = [action for action, spec in gateway_actions().items() if spec["capability"] == capability]
    if capability == "webhooks":
        answer = requests.post(f"{market.live.address}/hooks/shop", json={"type": "payment.succeeded"}, timeout=10)
        assert answer.status_code == 404
        return
    assert asking
    for action in asking:
        with pytest.raises(FindingsError) as caught:
            market.live.hub.recipes.save("cell", recipe(step("ask", action, {})), "test")
        assert any(reason in finding.message for finding in caught.value.findings), caught.value.findings


MOVED = ("party", "provider", "payment", "kind", "currency", "facts")
KEPT = (
    (payments, ("payment", "state", "amount", "refunded", "facts")),
    (told_plans, ("plan", "state", "data")),
    (told_subscriptions, ("subscription", "state", "plan", "customer", "data")),
    (ledger_movements, MOVED),
)
"""What a hub knows of a gateway because of its news."""


@pytest.mark.parametrize("seed", range(4))
def test_what_was_heard_of_a_gateway_ends_the_same_in_every_order(market, seed, tmp_path):
    heard = heard_of(market)
    if not heard:
        market.ended(begin_something(market, "o_order"))
        heard = heard_of(market)
    chance = Random(seed)
    shuffled = chance.sample(heard, len(heard))
    again = chance.choices(heard, k=len(heard) // 4)
    as_it_came, otherwise = (
        ends(tmp_path / "a", [[one] for one in heard]),
        ends(tmp_path / "b", batches([*shuffled, *again], chance)),
    )
    assert as_it_came["payments"] or as_it_came["ledger_movements"]
    for name, known in as_it_came.items():
        assert [one for one in known if one not in otherwise[name]] == [], name
        assert len(known) == len(otherwise[name]), name


def heard_of(market):
    """Everything that was ever told in the gateway's name, in the order in which it was heard."""
    mine = events.c.source.in_({"shop", market.source})
    with market.live.hub.database.read() as connection:
        rows = connection.execute(sa.select(events).where(mine).order_by(events.c.id)).all()
    return [Happening(row.type, row.source, row.source_id, row.data, row.time) for row in rows]


def batches(happenings, chance):
    """The same one after the other, a few at once."""
    found = []
    while happenings:
        size = chance.randint(1, 4)
        found, happenings = [*found, happenings[:size]], happenings[size:]
    return found


def ends(folder, told):
    """What a new hub knows, and its books, when it was told all this."""
    books = Books(folder, "sqlite:///")
    for happenings in told:
        books.hub.recorder.record_all(happenings, books.moment)
    found = {"balances": [(one.account, one.money) for one in books.ask(ledger.balances) if one.minor]}
    with books.hub.database.read() as connection:
        for table, names in KEPT:
            chosen = [table.c.connection, *(table.c[name] for name in names)]
            found[table.name] = [dict(row) for row in connection.execute(sa.select(*chosen)).mappings()]
        assert set(ledger.sums(connection).values()) <= {0}
    books.close()
    pages = {page_of(one) for happenings in told for one in happenings}
    # A page that is told of after its payment stands beside it until the gateway is asked about it next.
    found["payments"] = [row for row in found["payments"] if row["payment"] not in pages]
    return found


def page_of(happening):
    """The gateway's page on which a payment was made, where that was a payment of its own before."""
    page = (happening.data.get("gateway") or {}).get("checkout")
    return page if page != happening.data.get("payment") else None


def test_every_cell_of_the_table_has_its_story():
    assert list(CELLS) == sorted(CELLS, key=list(CAPABILITIES).index)
    assert CELLS.keys() == CAPABILITIES.keys()
