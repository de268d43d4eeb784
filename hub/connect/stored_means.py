"""What a gateway says of subscriptions and stored means of payment. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.connect.manifest import Support

if TYPE_CHECKING:
    from hub.connect.manifest import Manifest


def needs_stored_method(manifest: Manifest) -> bool:
    """Whether the gateway's own subscriptions need a stored means of payment, so that the hub keeps those begun without."""
    cell = manifest.capabilities.get("recurring_payment")
    if cell is None or cell.status is not Support.NATIVE:
        return False
    return bool(cell.limits.get("needs_stored_method"))
