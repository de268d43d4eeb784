"""What the checker says of the values that a wait matches."""

import pytest

from hub.recipes.checker import check_recipe
from tests.recipes.conftest import installation

RECIPE = """\
hub: 1
recipe: refunds
title: Wait for the refund
on:
  event: payment.succeeded
steps:
  - id: refund
    wait: {{event: refund.issued, match: {{data.payment: {value}}}, timeout: 3d}}
"""


def said(value):
    return [one for one in check_recipe(RECIPE.format(value=value), "refunds.yaml", installation()) if one.code]


@pytest.mark.parametrize(
    ("value", "meant"),
    [("event.data.payment", "${ event.data.payment }"), ("data.payment", "${ event.data.payment }")],
)
def test_a_bare_path_in_match_is_said_to_be_plain_text_and_mended_by_one_click(value, meant):
    (finding,) = said(value)
    assert (finding.code, finding.severity, finding.line) == ("plain_text", "warning", 8)
    assert (finding.remedy, finding.fix) == (f"Write {meant}", f'"{meant}"')


@pytest.mark.parametrize("value", ['"${ event.data.payment }"', "pay_1", "data", "my.data.csv"])
def test_other_values_are_taken_as_they_are(value):
    assert said(value) == []
