"""Who gets a job: the rule that ranks providers for it. Pure.

Whoever has the skills, works in the region, is free on the day and was not asked yet; of those whoever has the fewest jobs,
then whoever is rated best, then whoever registered first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a job asks for. ``day``: 2026-11-23, empty when it has none; ``region``: empty when it may be anywhere."""

    skills: tuple[str, ...] = ()
    region: str = ""
    day: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A provider. ``away``: days that are not free; ``jobs``: how many they have or had lately; ``rating``: None is none."""

    id: str
    skills: tuple[str, ...]
    region: str
    away: Collection[str] = ()
    jobs: int = 0
    rating: float | None = None


def plain(text: str) -> str:
    """A skill or region as it is compared: capitals, spaces and underscores make no difference."""
    return " ".join(text.casefold().replace("_", " ").replace("-", " ").split())


def fits(candidate: Candidate, wanted: Wanted) -> bool:
    """Whether a provider can do a job. One without a region works everywhere."""
    has = {plain(one) for one in candidate.skills}
    if not all(plain(one) in has for one in wanted.skills):
        return False
    if wanted.region and candidate.region and plain(candidate.region) != plain(wanted.region):
        return False
    return not wanted.day or wanted.day not in candidate.away


def ranked(wanted: Wanted, candidates: Iterable[Candidate], asked: Collection[str] = ()) -> Sequence[Candidate]:
    """Those who can do a job and were not ``asked`` yet, in the order in which they are asked.

    ``candidates`` come in the order in which they registered.
    """
    found = [one for one in candidates if one.id not in asked and fits(one, wanted)]
    return sorted(found, key=lambda one: (one.jobs, -(one.rating or 0.0)))


def listed(text: str) -> tuple[str, ...]:
    """Skills as people write them, between commas or line breaks, each once."""
    parts = [" ".join(one.split()) for one in text.replace("\n", ",").replace(";", ",").split(",")]
    found = {plain(one): one for one in reversed(parts) if one}
    return tuple(one for one in dict.fromkeys(parts) if one and found.get(plain(one)) == one)
