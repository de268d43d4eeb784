"""The sandbox's keys: made from one secret, so that a fresh workspace works without set-up."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Keys:
    """What a shop would copy from a gateway's dashboard."""

    api_key: str = field(repr=False)
    crm_token: str = field(repr=False)
    webhook_secret: str = field(repr=False)


def keys_of(secret: str) -> Keys:
    """The same secret always gives the same keys; none of them gives another away (HMAC-SHA256)."""
    return Keys(
        api_key=f"sbx_test_{_derive(secret, 'api key').hex()[:48]}",
        crm_token=f"sbc_test_{_derive(secret, 'crm token').hex()[:48]}",
        webhook_secret=f"whsec_{base64.b64encode(_derive(secret, 'webhook secret')).decode()}",
    )


def _derive(secret: str, purpose: str) -> bytes:
    return hmac.new(secret.encode(), f"sandbox {purpose}".encode(), hashlib.sha256).digest()
