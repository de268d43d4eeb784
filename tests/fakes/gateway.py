"""What every gateway's fake offers, so that one test can walk all gateways."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.fakes.server import FakeServer

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Webhook:
    """A delivery as the gateway sends it to the address of its webhook: signed, byte for byte."""

    body: bytes
    headers: Mapping[str, str]
    query: str = ""
    method: str = "POST"
    fetches: Mapping[str, bytes] = field(default_factory=dict)
    """What the scheme would fetch: address -> certificate or key."""


class FakeGateway(FakeServer):
    """A payment gateway's API on loopback, in its documented wire format."""

    @abstractmethod
    def fields(self) -> dict[str, Any]:
        """All fields of a connection to this fake, settings and secrets by name, as an admin would enter them."""

    @abstractmethod
    def pay(self, payment: str) -> dict[str, str]:
        """The payer pays on the gateway's page what ``payment`` (an output's reference) stands for.

        Gives the parameters that the payer's browser brings back to the return address.
        """

    @abstractmethod
    def decline(self, payment: str) -> None:
        """The payer's bank refuses."""

    @abstractmethod
    def webhooks(self, url: str) -> list[Webhook]:
        """What the gateway sends to the webhook at ``url`` for all that happened since the last time; signed as documented."""
