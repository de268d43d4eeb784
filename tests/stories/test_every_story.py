"""Every story of the gallery at every real gateway that takes payments, over HTTP, with the figures exact to the unit."""

import pytest

from tests.stories.payers import MARKETS
from tests.stories.plays import PLAYS, Stage

TAKING = [name for name in MARKETS if name != "moneygram"]
"""MoneyGram takes no payments; it pays providers out, see ``test_every_cell.py``."""


@pytest.mark.parametrize("story", PLAYS)
@pytest.mark.parametrize("gateway", TAKING)
def test_the_story_ends_as_it_should(gateway, story, tmp_path):
    with MARKETS[gateway].opened(tmp_path) as market:
        PLAYS[story](Stage(market, story))


def test_every_story_of_the_gallery_has_its_play(tmp_path):
    with MARKETS["stripe"].opened(tmp_path) as market:
        assert {name for name, _ in market.live.hub.recipes.gallery()} == PLAYS.keys()
