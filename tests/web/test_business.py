"""What the business says of itself: kept as facts, each wrong field said at the field, nothing typed lost."""

from __future__ import annotations

import pytest

GOOD = {
    "name": "Lamps & Shades",
    "colour": "#0B6E4F",
    "email": "shop@example.com",
    "address": "Main Street 1\n10115 Berlin",
    "tax_id": "DE123456789",
    "holder": "Lamps GmbH",
    "iban": "DE89 3704 0044 0532 0130 00",
    "bic": "cobadeffxxx",
    "refund_approval": "EUR 250.00\nJPY 30000\nKWD 75.125",
}


def test_what_is_saved_is_kept_and_shown(hub, admin):
    assert admin.post("/settings/business", **GOOD).status_code == 303
    assert hub.store.fact("brand")["colour"] == "#0b6e4f"
    assert hub.store.fact("bank") == {"iban": "DE89370400440532013000", "bic": "COBADEFFXXX", "holder": "Lamps GmbH"}
    assert hub.store.fact("refund_approval") == {"EUR": 25000, "JPY": 30000, "KWD": 75125}
    page = admin.page("/settings/business")
    for shown in ("Lamps &amp; Shades", "DE89370400440532013000", "JPY 30000", "KWD 75.125"):
        assert shown in page
    assert hub.store.audit_trail()[0]["action"] == "settings.business"


def test_what_is_emptied_is_forgotten(hub, admin):
    admin.post("/settings/business", **GOOD)
    admin.post("/settings/business", name="Lamps")
    assert hub.store.fact("brand") == {"name": "Lamps"}
    assert hub.store.fact("bank") is None
    assert hub.store.fact("refund_approval") is None


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("colour", "green", "#0b6e4f"),
        ("email", "shop", "mail address"),
        ("iban", "DE89 3704 0044 0532 0130 01", "DE89"),
        ("bic", "COBA", "8 or 11"),
        ("name", "x" * 121, "121"),
        ("refund_approval", "EUR 1.005", "EUR 1.005"),
        ("refund_approval", "EUR 1e9", "EUR 1e9"),
        ("refund_approval", "250", "EUR 250.00"),
        ("holder", "", "whose account"),
    ],
)
def test_a_wrong_field_is_said_at_the_field_and_nothing_is_lost(hub, admin, field, typed, said):
    answer = admin.post("/settings/business", **{**GOOD, field: typed})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert said in answer.text
    assert "Lamps &amp; Shades" in answer.text or field == "name"
    assert hub.store.fact("brand") is None


def test_only_admins_change_it(people):
    assert people["editor"].get("/settings/business").status_code == 403
