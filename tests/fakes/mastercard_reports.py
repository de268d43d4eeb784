"""The Mastercard Gateway's Reporting API: a CSV of all transactions that were recorded in a time."""

from __future__ import annotations

import base64
import csv
import io
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.fakes.mastercard_books import MastercardBooks
from tests.fakes.server import Answered, ComplaintError

if TYPE_CHECKING:
    from tests.fakes.server import Received

KNOWN = {"timeOfRecord", "order.id", "transaction.id", "transaction.type", "transaction.amount", "transaction.currency", "result"}  # fmt: skip
moment = datetime.fromisoformat
CSV = {"Content-Type": "text/csv;charset=UTF-8"}
TEXT = {"Content-Type": "text/plain"}


class MastercardReports(MastercardBooks):
    lag = "9999"
    """Until when the report is made."""

    def report(self, request: Received) -> Answered:
        expected = base64.b64encode(f"merchant.default:{self.reporting}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {expected}":
            return Answered(401, "Unauthorised", TEXT)
        wanted = dict(request.params)
        columns = wanted["columns"].split(",")
        if request.path != f"/history/version/1/merchant/{self.merchant}/transaction" or set(columns) - KNOWN:
            raise ComplaintError("no such report", Answered(400, "INVALID_REQUEST", TEXT))
        start, end = wanted["timeOfRecord.start"], wanted["timeOfRecord.end"]
        if not moment(start) < moment(end):
            raise ComplaintError("an empty time", Answered(400, "INVALID_REQUEST", TEXT))
        if end > self.lag:
            return Answered(400, f"DATA_AVAILABLE_AFTER {self.lag}\n", TEXT)
        written = io.StringIO(newline="")
        lines = csv.writer(written)
        lines.writerow(wanted["columnHeaders"].split(","))
        for order, entry in self._recorded():
            if moment(start) <= moment(entry["timeOfRecord"]) < moment(end):
                lines.writerow([_cell(order, entry, column) for column in columns])
        return Answered(200, written.getvalue(), CSV)

    def _recorded(self) -> list[tuple[str, dict[str, Any]]]:
        return [(name, entry) for name, order in self.orders.items() for entry in order["transaction"]]


def _cell(order: str, entry: dict[str, Any], column: str) -> str:
    part, _, name = column.partition(".")
    if part == "order":
        return order
    return str(entry["transaction"][name] if name else entry[part])
