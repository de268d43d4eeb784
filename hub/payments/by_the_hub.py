"""The shared actions of gateways that the hub does itself where a gateway's manifest says ``hub``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.payments.links import cancel_link, create_link, embed_form
from hub.payments.plans import (
    cancel_plan,
    cancel_subscription,
    create_plan,
    create_subscription,
    pause_subscription,
    resume_subscription,
    update_plan,
    update_subscription,
)
from hub.payments.shares import create_transfer, reverse_transfer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.payments.desk import Action

ACTIONS: Final[Mapping[str, Action]] = {
    "link.create": create_link,
    "link.cancel": cancel_link,
    "form.embed": embed_form,
    "plan.create": create_plan,
    "plan.update": update_plan,
    "plan.cancel": cancel_plan,
    "subscription.create": create_subscription,
    "subscription.update": update_subscription,
    "subscription.pause": pause_subscription,
    "subscription.resume": resume_subscription,
    "subscription.cancel": cancel_subscription,
    "transfer.create": create_transfer,
    "transfer.reverse": reverse_transfer,
}
"""By name; :data:`hub.connect.manifest.BY_THE_HUB` names the same ones, and a test holds both together."""
