"""How one payment's money is divided between providers and the platform, and what refunds take back of it. Pure.

All amounts are whole minor units of the payment's currency.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final, cast

from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hub.jsontypes import Json, JsonObject

OWN: Final = ""
"""Stands for the platform where a provider is named: goods of its own, and commission that hangs on no provider."""


@dataclass(frozen=True, slots=True)
class Share:
    """What a provider's part of a payment is made of: what they get, our commission, the gateway's fee that they bear."""

    provider: str
    amount: int
    commission: int = 0
    fee: int = 0

    @property
    def whole(self) -> int:
        """What the payer paid for it."""
        return self.amount + self.commission + self.fee

    def parts(self) -> tuple[int, int, int]:
        """Amount, commission, fee."""
        return self.amount, self.commission, self.fee


@dataclass(frozen=True, slots=True)
class Division:
    """A divided amount. ``sales`` is for goods of the platform's own, ``commission`` its part that hangs on no provider."""

    shares: tuple[Share, ...] = ()
    sales: int = 0
    commission: int = 0

    @property
    def total(self) -> int:
        """Everything that it divides."""
        return sum(share.whole for share in self.shares) + self.sales + self.commission

    @classmethod
    def from_json(cls, value: JsonObject) -> Division:
        """A division as :meth:`to_json` wrote it."""
        shares = [
            Share(str(one["provider"]), *(cast("int", one[name]) for name in ("amount", "commission", "fee")))
            for one in cast("list[JsonObject]", value["shares"])
        ]
        return cls(tuple(shares), cast("int", value["sales"]), cast("int", value["commission"]))

    def to_json(self) -> JsonObject:
        """As the journal keeps it."""
        shares: list[Json] = [
            {"provider": one.provider, "amount": one.amount, "commission": one.commission, "fee": one.fee}
            for one in self.shares
        ]
        return {"shares": shares, "sales": self.sales, "commission": self.commission}


@dataclass(frozen=True, slots=True)
class Taken:
    """What went back of a payment, in all. ``held``: of what nobody had got yet. ``beyond``: more than had come in."""

    shares: Mapping[str, Share]
    sales: int
    commission: int
    held: int
    beyond: int


def united(divisions: Iterable[Division]) -> Division:
    """Several divisions of one payment as one: a provider's shares added up, in the order in which they come first."""
    parts: dict[str, list[int]] = {}
    sales = commission = 0
    for one in divisions:
        sales, commission = sales + one.sales, commission + one.commission
        for share in one.shares:
            known = parts.setdefault(share.provider, [0, 0, 0])
            for index, part in enumerate(share.parts()):
                known[index] += part
    return Division(tuple(Share(name, *found) for name, found in parts.items()), sales, commission)


def take_back(division: Division, whole: int, back: int, named: Sequence[Mapping[str, int]], currency: str) -> Taken:
    """What each party gives of ``back``, all that went back of the payment of ``whole`` so far.

    ``named``: for each refund that says so, provider (or ``OWN``) -> how much of it is for their part. The rest is taken
    from what is still held, then from all in proportion of what each got, by largest remainder, and never beyond what is
    left of a party's part. The outcome hangs on the sums alone, not on the order in which things were told.
    """
    parties = _parties(division)
    taken = _by_name(parties, named, back)
    rest = back - sum(taken.values())
    held = min(rest, max(whole - division.total, 0))
    spread = _in_proportion(parties, taken, rest - held, currency)
    of_provider = {share.provider: _of_share(share, spread[share.provider]) for share in division.shares}
    own = _of_share(_own(division), spread[OWN])
    return Taken(of_provider, own.amount, own.commission, held, back - held - sum(spread.values()))


def _own(division: Division) -> Share:
    """The platform's own part, as if it were a provider's."""
    return Share(OWN, division.sales, division.commission)


def _parties(division: Division) -> dict[str, int]:
    """What the payer paid for each party's part."""
    return {share.provider: share.whole for share in (*division.shares, _own(division))}


def _by_name(parties: Mapping[str, int], named: Sequence[Mapping[str, int]], back: int) -> dict[str, int]:
    """What refunds take by name: of parties that have a part, at most their whole part and at most what went back."""
    asked: dict[str, int] = defaultdict(int)
    for one in named:
        for party, minor in one.items():
            asked[party] += minor
    taken: dict[str, int] = {}
    for party in sorted(asked):
        taken[party] = min(asked[party], parties.get(party, 0), back - sum(taken.values()))
    return taken


def _in_proportion(parties: Mapping[str, int], taken: Mapping[str, int], rest: int, currency: str) -> dict[str, int]:
    """Spread ``rest`` over the parties by what each got; who has no more to give leaves it to the others."""
    spread = {party: taken.get(party, 0) for party in parties}
    while rest > 0:
        open_to = [party for party in parties if spread[party] < parties[party]]
        if not open_to:
            break
        cuts = Money(rest, currency).allocate([parties[party] for party in open_to])
        for party, cut in zip(open_to, cuts, strict=True):
            given = min(cut.minor, parties[party] - spread[party])
            spread[party] += given
            rest -= given
    return spread


def _of_share(share: Share, minor: int) -> Share:
    """The part of a share that ``minor`` takes: of amount, commission and fee in proportion, all of it at the end.

    By Webster's method, which for three parts is the nearest whole number too and never takes less of one part when more
    is taken in all (largest remainders may): so a second refund gives no unit back that the first took.
    """
    parts, whole = share.parts(), share.whole
    if not minor:
        return Share(share.provider, 0)
    taken = [minor * part // whole for part in parts]
    for _ in range(minor - sum(taken)):
        nearest = max(range(len(parts)), key=lambda place: (Fraction(parts[place], 2 * taken[place] + 1), -place))
        taken[nearest] += 1
    return Share(share.provider, *taken)


def shared_out(division: Division, whole: int, taken: Taken, minor: int, currency: str) -> Mapping[str, int]:
    """For whose parts the next ``minor`` that goes back are, after what is held: provider (or ``OWN``) -> minor units."""
    before = {name: share.whole for name, share in taken.shares.items()} | {OWN: taken.sales + taken.commission}
    held = max(whole - division.total - taken.held, 0)
    after = _in_proportion(_parties(division), before, minor - held, currency)
    return {name: part - before[name] for name, part in after.items() if part != before[name]}
