"""Senders' certificates: fetched once a day, never kept when they are none, and no fault of the sender's when they fail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hub.connect.http import Answered
from hub.errors import UnavailableError
from hub.ingest.certificates import MOST, Certificates

URL = "https://gateway.example.com/certs/1.pem"
PEM = b"-----BEGIN CERTIFICATE-----\nmade up\n-----END CERTIFICATE-----\n"


class Wire:
    """The gateway's certificate server, and the hub's clock."""

    def __init__(self):
        self.now = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
        self.answer = Answered(200, {}, PEM)
        self.asked = []
        self.certificates = Certificates(lambda connection: self, lambda: self.now)
        self.fetch = self.certificates.fetch_for(None)

    def request(self, method, url):
        self.asked.append((method, url))
        return self.answer


@pytest.fixture
def wire():
    return Wire()


def test_a_certificate_is_fetched_once_a_day(wire):
    assert [wire.fetch(URL) for _ in range(3)] == [PEM] * 3
    wire.now += timedelta(hours=23)
    assert wire.fetch(URL) == PEM
    assert wire.asked == [("GET", URL)]
    wire.now += timedelta(hours=1)
    assert wire.certificates.known(URL) is None
    assert wire.fetch(URL) == PEM
    assert len(wire.asked) == 2


def test_a_certificate_that_cannot_be_fetched_is_asked_for_again(wire):
    wire.answer = Answered(404, {}, PEM)
    with pytest.raises(UnavailableError) as caught:
        wire.fetch(URL)
    assert (caught.value.code, "404" in caught.value.message) == ("not_fetched", True)
    wire.answer = Answered(200, {}, PEM)
    assert wire.fetch(URL) == PEM


def test_what_is_no_certificate_is_not_kept(wire):
    wire.answer = Answered(200, {}, b"<html>We will be back soon</html>")
    wire.fetch(URL)
    assert wire.certificates.known(URL) is None


def test_however_many_addresses_are_named_few_are_kept(wire):
    addresses = [f"{URL}?{number}" for number in range(MOST + 5)]
    for address in addresses:
        wire.fetch(address)
    assert [wire.certificates.known(one) for one in addresses] == [None] * 5 + [PEM] * MOST
