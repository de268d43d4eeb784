"""A load of HTTP requests from a process of its own: ``python -m hub.bench.load`` reads a plan on standard input as JSON.

It only ever sends to loopback, and stops by itself after the requests it was given or the time it was given.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import sys
import time
from dataclasses import asdict, dataclass
from itertools import count


@dataclass(frozen=True, slots=True)
class Plan:
    """``connections`` keep-alive connections send signed webhooks of about ``size`` bytes for ``seconds``.

    ``secret`` signs as Stripe does (``t=,v1=``); the body's ids begin with ``prefix`` so that no two are equal.
    """

    port: int
    path: str
    secret: str
    connections: int
    seconds: float
    size: int
    prefix: str


@dataclass(frozen=True, slots=True)
class Measured:
    """Answers by status, requests per second, and latencies in milliseconds."""

    requests: int
    refused: int
    rate: float
    p50: float
    p99: float
    longest: float


def webhook(plan: Plan, number: int) -> bytes:
    """One signed payment event as an HTTP/1.1 request."""
    now = int(time.time())
    identity = f"{plan.prefix}{number}"
    event = {
        "id": f"evt_{identity}",
        "object": "event",
        "api_version": "2026-06-24.dahlia",
        "created": now,
        "livemode": False,
        "type": "payment_intent.succeeded",
        "data": {
            "object": {
                "id": f"pi_{identity}",
                "object": "payment_intent",
                "amount": 1999,
                "amount_received": 1999,
                "currency": "eur",
                "status": "succeeded",
                "receipt_email": f"{identity}@example.com",
                "metadata": {"order": identity, "filler": ""},
            }
        },
    }
    body = json.dumps(event).encode()
    if len(body) < plan.size:
        event["data"]["object"]["metadata"]["filler"] = "x" * (plan.size - len(body))  # type: ignore[index]
        body = json.dumps(event).encode()
    signature = hmac.new(plan.secret.encode(), str(now).encode() + b"." + body, hashlib.sha256).hexdigest()
    head = (
        f"POST {plan.path} HTTP/1.1\r\nHost: 127.0.0.1:{plan.port}\r\nContent-Type: application/json\r\n"
        f"Stripe-Signature: t={now},v1={signature}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def run(plan: Plan) -> Measured:
    """Send until the time is over, every connection one request after the other."""
    numbers = count()
    latencies: list[float] = []
    refused = 0
    until = time.perf_counter() + plan.seconds

    async def send() -> None:
        nonlocal refused
        reader, writer = await asyncio.open_connection("127.0.0.1", plan.port)
        while time.perf_counter() < until:
            request = webhook(plan, next(numbers))
            begun = time.perf_counter()
            writer.write(request)
            status = await _read_answer(reader)
            latencies.append(time.perf_counter() - begun)
            refused += not 200 <= status < 300  # noqa: PLR2004 (a good answer)
        writer.close()

    begun = time.perf_counter()
    await asyncio.gather(*(send() for _ in range(plan.connections)))
    seconds = time.perf_counter() - begun
    ordered = sorted(latencies)
    return Measured(
        requests=len(ordered),
        refused=refused,
        rate=len(ordered) / seconds,
        p50=_share(ordered, 0.50) * 1000,
        p99=_share(ordered, 0.99) * 1000,
        longest=(ordered[-1] if ordered else 0.0) * 1000,
    )


def _share(ordered: list[float], share: float) -> float:
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0


async def _read_answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    length = 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    if length:
        await reader.readexactly(length)
    return status


def main() -> None:
    """Read a plan, run it, write what was measured."""
    plan = Plan(**json.load(sys.stdin))
    json.dump(asdict(asyncio.run(run(plan))), sys.stdout)


if __name__ == "__main__":
    main()
