"""Every operation of the hot path under one roof; see :mod:`hub.journal.recording`, :mod:`hub.journal.claiming`,
:mod:`hub.journal.advancing`.
"""

from hub.journal.advancing import update_runs
from hub.journal.claiming import claim_runs, expire_leases, read_signals, release_leases, renew_leases
from hub.journal.entries import ClaimRequest, LeaseRequest, StaleEpochError
from hub.journal.recording import change_books, record_events, start_runs

__all__ = [
    "ClaimRequest",
    "LeaseRequest",
    "StaleEpochError",
    "change_books",
    "claim_runs",
    "expire_leases",
    "read_signals",
    "record_events",
    "release_leases",
    "renew_leases",
    "start_runs",
    "update_runs",
]
