"""Keeps outgoing calls away from inner addresses: every address is resolved once, judged, and connected to as judged.

Admins can type addresses, so each call could be turned against the hub's own network (server-side request forgery). The
name is resolved when a connection is opened, all answers are judged, and the socket goes to a judged address; TLS still
proves the name. A name that answers differently the next time (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from hub.connect.answers import failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

IPAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve: TypeAlias = "Callable[[str, int], Sequence[str]]"
"""Name and port to IP addresses as text; raises ``OSError`` when the name does not resolve."""

# Cloud metadata services: never allowed by a network range, only by being named themselves.
_METADATA = frozenset(
    map(ipaddress.ip_address, ("169.254.169.254", "169.254.170.2", "100.100.100.200", "fd00:ec2::254"))
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def resolve_by_system(host: str, port: int) -> tuple[str, ...]:
    """All addresses that the system's resolver gives for a name."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(address[0]) for _, _, _, _, address in answers))


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes: equal targets share connections and may see each other's credentials."""

    scheme: str
    host: str
    port: int


def _unwrapped(address: IPAddress) -> IPAddress:
    """The IPv4 address inside an IPv6 one (mapped, 6to4, NAT64), which is where the packets would end."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return address.ipv4_mapped or address.sixtofour or address
    return address


class Guard:
    """Judges addresses. ``allowed`` lists what an operator lets through besides the public internet.

    An entry is a host (``crm.internal``), a host with port (``localhost:8025``), an address, or a network in CIDR form.
    """

    def __init__(self, allowed: Iterable[str] = (), resolve: Resolve = resolve_by_system) -> None:
        self._resolve = resolve
        self._hosts: set[str] = set()
        self._networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
        for entry in allowed:
            try:
                self._networks.append(ipaddress.ip_network(entry, strict=False))
            except ValueError:
                self._hosts.add(entry.lower())

    def target(self, url: str) -> Target:
        """Where a URL leads, without asking DNS.

        Raises ``PermanentError`` (``blocked_address``) for anything but http and https, for a URL with user and password
        in it, and for one without a host.
        """
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").rstrip("."), parts.port
        except ValueError as error:
            raise failure("blocked_address", f"{url!r} is not an address: {error}.") from error
        if parts.scheme not in {"http", "https"}:
            raise failure("blocked_address", f"Only http and https are allowed, not {parts.scheme!r}.")
        if not host:
            raise failure("blocked_address", "The address has no host.")
        if parts.username is not None or parts.password is not None:
            raise failure("blocked_address", f"User and password do not belong into the address of {host}.")
        return Target(parts.scheme, host, port or (443 if parts.scheme == "https" else 80))

    def addresses(self, host: str, port: int) -> tuple[str, ...]:
        """The judged addresses of a name.

        Raises ``TransientError`` (``unreachable``) when the name does not resolve, ``PermanentError``
        (``blocked_address``) when any of its answers is not allowed.
        """
        host = host.strip("[]").rstrip(".").lower()
        try:
            found = tuple(self._resolve(host, port))
        except (OSError, UnicodeError) as error:
            raise failure("unreachable", f"The name {host!r} does not resolve.") from error
        if not found:
            raise failure("unreachable", f"The name {host!r} has no address.")
        if host in self._hosts or f"{host}:{port}" in self._hosts:
            return found
        for text in found:
            if not self.permits(ipaddress.ip_address(text.partition("%")[0])):
                raise failure("blocked_address", f"{host} leads to {text}, an address inside the network.")
        return found

    def permits(self, address: IPAddress) -> bool:
        """Whether the hub may connect to an address: public ones, and those of the allowed networks."""
        address = _unwrapped(address)
        if any(address in network for network in self._networks if address.version == network.version):
            alone = any(network.num_addresses == 1 and address in network for network in self._networks)
            return alone or address not in _METADATA
        return address.is_global and not address.is_multicast and not address.is_reserved
