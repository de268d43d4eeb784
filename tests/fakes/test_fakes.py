from __future__ import annotations

import json
import urllib.error
import urllib.request

import pytest

from tests.fakes.fake_hubspot import FakeHubSpot
from tests.fakes.fake_stripe import FakeStripe
from tests.fakes.openapi import SPECS, described
from tests.fakes.server import LOST, RESET


def ask(url, body=None, method="GET", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, data=body, headers=named, method=method)
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_missing_descriptions_fail_under_ci(monkeypatch, tmp_path):
    monkeypatch.setattr("tests.fakes.openapi.SPECS", tmp_path)
    described.cache_clear()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(FileNotFoundError, match="under CI"):
        described("hubspot")
    monkeypatch.delenv("CI")
    assert described("hubspot") is None
    described.cache_clear()


def test_hubspot_complains_of_what_its_description_does_not_allow():
    with FakeHubSpot().running() as fake:
        url = f"{fake.url}/crm/v3/objects/contacts/batch/upsert"
        headers = {"Authorization": f"Bearer {fake.token}", "Content_Type": "application/json"}
        body = json.dumps({"inputs": [{"id": "a@example.com", "idProperty": "email", "properties": {"firstname": 7}}]})
        status, _ = ask(url, body.encode(), "POST", **headers)
        assert status in {200, 400}
        if (SPECS / "hubspot").is_dir():
            assert status == 400
            assert "7" in fake.complaints[0]
        else:
            assert fake.complaints == []


def test_hubspot_complains_of_unknown_calls():
    with FakeHubSpot().running() as fake:
        status, _ = ask(f"{fake.url}/crm/v9/nothing", Authorization=f"Bearer {fake.token}")
        assert status == 404
        assert len(fake.complaints) == 1


@pytest.mark.parametrize(
    ("path", "body", "without", "told"),
    [
        ("/v1/customers", b"colour=blue", None, "unknown parameter colour"),
        ("/v1/payment_intents", b"amount=12.5&currency=eur", None, "amount is no integer"),
        ("/v1/payment_intents", b"currency=eur", None, "missing amount"),
        ("/v1/nothing", b"", None, "no such resource"),
        ("/v1/customers", b"email=a", "Stripe_Version", "no Stripe-Version"),
        ("/v1/customers", b"email=a", "Idempotency_Key", "no idempotency key"),
        ("/v1/customers", b"email=a", "Content_Type", "not a form"),
    ],
)
def test_stripe_complains_of_what_it_would_refuse(path, body, without, told):
    with FakeStripe().running() as fake:
        headers = {
            "Authorization": f"Bearer {fake.key}",
            "Content_Type": "application/x-www-form-urlencoded",
            "Stripe_Version": "2026-06-24.dahlia",
            "Idempotency_Key": "k",
        }
        if without:
            headers[without] = "" if without != "Content_Type" else "text/plain"
        status, _ = ask(fake.url + path, body, "POST", **headers)
        assert status in {400, 404}
        assert told in fake.complaints[0]


@pytest.mark.parametrize(("mood", "made"), [(RESET, 0), (LOST, 1)])
def test_dropped_answer_is_told_from_work_that_was_done(mood, made):
    with FakeStripe().running() as fake:
        fake.treat(mood)
        headers = {"Authorization": f"Bearer {fake.key}", "Content_Type": "application/x-www-form-urlencoded"}
        with pytest.raises(OSError):
            ask(
                f"{fake.url}/v1/customers",
                b"email=a",
                "POST",
                Stripe_Version="2026-06-24",
                Idempotency_Key="k",
                **headers,
            )
        assert len(fake.objects) == made
