"""The audit trail: who did what, written in the transaction that does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from hub.ids import new_id
from hub.journal.tables import audit

if TYPE_CHECKING:
    from datetime import datetime

    from hub.journal.writer import Transaction
    from hub.jsontypes import JsonObject


def write_note(  # noqa: PLR0913 (the parts of an entry)
    tx: Transaction, actor: str, action: str, target: str, now: datetime, detail: JsonObject | None = None
) -> None:
    """An entry of the audit trail. ``now`` is UTC; ``detail`` holds no secret."""
    row = {"id": new_id("aud", now), "actor": actor, "action": action, "target": target, "detail": detail}
    tx.connection.execute(sa.insert(audit), {**row, "created_at": now})
