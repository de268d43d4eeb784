"""Every cell of the table: what says native or by the hub is done by a recipe, over HTTP, at the gateway's fake.

What says "not offered" is refused when the recipe is saved, with the cell's reason.
"""

import pytest
import requests

from hub.connect.manifest import CAPABILITIES, Support, gateway_actions
from hub.recipes.findings import FindingsError
from tests.stories.cells import CELLS, step
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


def test_every_cell_of_the_table_has_its_story():
    assert list(CELLS) == sorted(CELLS, key=list(CAPABILITIES).index)
    assert CELLS.keys() == CAPABILITIES.keys()
