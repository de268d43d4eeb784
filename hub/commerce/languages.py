"""The languages in which the hub itself writes to customers."""

from __future__ import annotations

from typing import Final

LANGUAGES: Final = ("en", "de", "es", "fr", "hi")
"""The first is that of whoever says nothing else."""
