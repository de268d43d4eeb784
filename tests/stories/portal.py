"""A portal for truck hire that keeps its own pages: all it does at the hub, it does by the API.

Run against a hub: python -m tests.stories.portal https://hub.example.com hub_… sandbox
"""

from __future__ import annotations

import sys
import time
import uuid

import requests


class Portal:
    """Calls the hub's API with a token. Every change has a key of its own, so that a lost answer does no harm."""

    def __init__(self, address: str, token: str, currency: str = "EUR") -> None:
        self.currency = currency
        self.address = f"{address}/api/v1"
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str, **query: str) -> dict:
        return self._read(self.session.get(self.address + path, params=query, timeout=30))

    def post(self, path: str, **body: object) -> dict:
        key = {"Idempotency-Key": str(uuid.uuid4())}
        return self._read(self.session.post(self.address + path, json=body, headers=key, timeout=30))

    @staticmethod
    def _read(answer: requests.Response) -> dict:
        if not answer.ok:
            raise RuntimeError(answer.text)
        return answer.json()

    # the story

    def register(self, name: str, email: str) -> str:
        """An owner of trucks, whom the portal has looked at."""
        owner = self.post("/providers", name=name, email=email, skills=["truck"])["provider"]
        self.post(f"/providers/{owner}/approve")
        return owner

    def post_job(self, title: str, email: str) -> str:
        """A business needs a transport."""
        return self.post("/jobs", title=title, skills=["truck"], customer={"email": email})["job"]

    def offer(self, job: str, owner: str, minor: int) -> str:
        """An owner names a price; the id of the offer."""
        found = self.post(f"/jobs/{job}/offer", provider=owner, price={"minor": minor, "currency": self.currency})
        return next(one["offer"] for one in found["offers"] if one["provider"] == owner)

    def choose(self, job: str, offer: str, connection: str, needed_until: str) -> dict:
        """The business takes an offer and pays it in full into escrow; the hold, with the address where it pays."""
        chosen = self.post(f"/jobs/{job}/choose", offer=offer)
        price, payer = chosen["price"], chosen["customer"]
        terms = {"connection": connection, "amount": price, "needed_until": needed_until}
        return self.post("/holds", **terms, job=job, customer=payer, return_url="https://trucks.example.com/paid")

    def wait_until_held(self, hold: str) -> None:
        """Until the money is there; a portal would hear of it by a webhook."""
        self._wait_for(f"/holds/{hold}", "held")

    def cancel(self, job: str, hold: str) -> dict:
        """The business needs it no more: all of the money goes back. Refused when the work has begun; then it stays held."""
        self.post(f"/jobs/{job}/cancel", reason="Not needed any more")
        return self.post(f"/holds/{hold}/cancel", reason="Cancelled before the start")

    def report_done(self, job: str) -> dict:
        """The owner began and is done; the job says until when the business is waited for."""
        for step in ("start", "done"):
            self.post(f"/jobs/{job}/{step}")
        return self.get(f"/jobs/{job}")

    def finish(self, job: str, hold: str, owner: str) -> dict:
        """The work is done and confirmed: the owner gets the money, less ten per cent."""
        self.report_done(job)
        self.post(f"/jobs/{job}/confirm")
        return self.release(hold, owner)

    def release_in_time(self, job: str, hold: str, owner: str) -> dict:
        """The business says nothing: the hub confirms when the time is over, and the owner gets the money."""
        self._wait_for(f"/jobs/{job}", "confirmed")
        return self.release(hold, owner)

    def release(self, hold: str, owner: str) -> dict:
        """The owner gets what is held, less ten per cent."""
        return self.post(f"/holds/{hold}/release", provider=owner, commission={"percent": "10"})

    def give_account(self, owner: str, connection: str, account: str) -> dict:
        """Where the owner's money goes: the gateway pays it out."""
        return self.post(f"/providers/{owner}/account", connection=connection, account=account)

    def pay_out(self, owner: str) -> dict:
        """All that is due to the owner is sent; the payout, once the gateway has paid it."""
        payout = self.post("/payouts", provider=owner)["payouts"][0]["payout"]
        self._wait_for(f"/payouts/{payout}", "paid")
        return self.get(f"/payouts/{payout}")

    def _wait_for(self, path: str, state: str) -> None:
        end = time.monotonic() + 60
        while self.get(path)["state"] != state:
            if time.monotonic() > end:
                raise TimeoutError(path)
            time.sleep(0.05)


def main() -> None:
    """Play the story up to the payment, and print where to pay."""
    address, token, connection = sys.argv[1:4]
    portal = Portal(address, token)
    owner = portal.register("Blue Trucks", "blue@example.com")
    job = portal.post_job("Forty pallets to Hamburg", "shipper@example.com")
    held = portal.choose(job, portal.offer(job, owner, 90_000), connection, "2099-01-31T12:00:00Z")
    sys.stdout.write(f"{held['checkout_url']}\n")


if __name__ == "__main__":
    main()
