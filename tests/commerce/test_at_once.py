"""Several processes at one moment: the last piece, numbers without gaps, one job, one payment, each once.

On PostgreSQL every other caller works in a second process's place: a hub of its own on the same database, with a writer of
its own. On SQLite there is one process, and its callers meet in its one writer.
"""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from hub.engine.hub import Hub, Role
from hub.errors import HubError
from hub.ids import derived_id
from hub.journal.entries import Happening
from hub.journal.tables_commerce import order_payments
from hub.journal.tables_work import offers

ADA = {"email": "ada@example.com", "name": "Ada Lovelace"}


def eur(minor):
    return {"minor": minor, "currency": "EUR"}


class Crowd:
    """Callers who all begin at the same moment, each in one of the processes in turn."""

    def __init__(self, hubs):
        self.hubs = hubs

    def at_once(self, *works):
        """What comes of each work, called with a hub: its result, or the error that a person would read."""
        gate, hubs = threading.Barrier(len(works)), itertools.cycle(self.hubs)

        def one(work, hub):
            gate.wait(10)
            try:
                return work(hub)
            except HubError as error:
                return error

        with ThreadPoolExecutor(len(works)) as threads:
            begun = [threads.submit(one, work, hub) for work, hub in zip(works, hubs, strict=False)]
            return [future.result(60) for future in begun]


@pytest.fixture
def crowd(shop, database_url):
    if database_url.startswith("sqlite"):
        yield Crowd([shop.hub])
        return
    second = Hub.open(shop.hub.settings, Role.TOOL, lambda: shop.moment)
    yield Crowd([shop.hub, second])
    second.close()


def doing(connector, action, given, key):
    """The work of one step under a key of its own."""
    return lambda hub: hub.payments.act(connector, action, key.encode().hex().ljust(40, "0")[:40], given)


def outcomes(found):
    """How many times it worked, and what those read for whom it did not."""
    return sum(not isinstance(one, HubError) for one in found), {one.code for one in found if isinstance(one, HubError)}


@pytest.mark.parametrize("left", [1, 3])
def test_of_many_buyers_only_as_many_get_one_as_there_are(shop, crowd, left):
    shop.stock("LAMP", left)
    given = {"lines": [{"item": "LAMP"}], "currency": "EUR", "customer": ADA}
    found = crowd.at_once(*(doing("orders", "create", given, f"buyer {number}") for number in range(8)))
    assert outcomes(found) == (left, {"out_of_stock"})
    assert shop.left("LAMP") == 0
    assert sorted(int(one["number"]) for one in found if not isinstance(one, HubError)) == list(range(1, left + 1))


def test_orders_of_the_same_things_in_any_order_never_wait_for_each_other_for_ever(shop, crowd):
    for item in "ABC":
        shop.stock(item, 100)
    rows = [[{"item": item, "quantity": 2} for item in order] for order in itertools.permutations("ABC")]
    found = crowd.at_once(
        *(doing("orders", "create", {"lines": rows[n % 6], "currency": "EUR"}, f"buyer {n}") for n in range(12))
    )
    assert outcomes(found) == (12, set())
    assert [shop.left(item) for item in "ABC"] == [76, 76, 76]


def test_invoices_are_numbered_without_gaps_however_many_are_issued_and_refused_at_once(shop, crowd):
    good = {"lines": [{"title": "Tea", "price": eur(500)}], "series": "A-"}
    bad = {"lines": [{"title": "Tea", "quantity": 1_000_000, "price": eur(10**15)}], "series": "A-"}
    works = [doing("invoices", "create", good if n % 3 else bad, f"invoice {n}") for n in range(12)]
    found = crowd.at_once(*works)
    assert outcomes(found) == (8, {"bad_input"})
    numbers = sorted(one["number"] for one in found if not isinstance(one, HubError))
    assert numbers == [f"A-{n:04}" for n in range(1, 9)]


def test_of_the_drafts_of_one_order_that_are_issued_at_once_one_has_a_number(shop, crowd):
    order = shop.do("orders", "create", {"lines": [{"title": "Tea", "price": eur(500)}]}, "order")["order"]
    given = {"order": order, "draft": True, "series": "A-"}
    drafts = [shop.do("invoices", "create", given, f"draft {number}")["invoice"] for number in range(4)]
    found = crowd.at_once(*(doing("invoices", "issue", {"invoice": one}, f"issue {one}") for one in drafts))
    assert outcomes(found) == (1, {"wrong_state"})
    assert [one["number"] for one in found if not isinstance(one, HubError)] == ["A-0001"]
    assert shop.told("invoice") == ["invoice.issued"]


def test_of_two_payments_of_an_order_at_once_one_is_taken_and_the_other_goes_back(shop, crowd):
    placed = shop.do("orders", "create", {"lines": [{"title": "Tea", "price": eur(500)}]}, "order")

    def paid(source, payment):
        data = {"payment": payment, "order": placed["order"], "amount": eur(500)}
        happening = Happening("payment.succeeded", source, f"payment.succeeded:{payment}", data, shop.moment)
        return lambda hub: hub.recorder.record(happening, shop.moment)

    crowd.at_once(paid("corner", "c_1"), paid("second", "c_2"), paid("corner", "c_1"), paid("second", "c_2"))
    with shop.hub.database.read() as connection:
        states = sorted(row.state for row in connection.execute(order_payments.select()))
    assert states == ["surplus", "taken"]
    assert sorted(shop.told("order.p")) == ["order.paid", "order.paid_again", "order.placed"]


def provider(shop, name):
    given = {"name": name, "email": f"{name.lower()}@example.com", "skills": ["portrait"], "region": "Berlin"}
    identity = shop.do("providers", "register", given, f"register {name}")["provider"]
    shop.do("providers", "approve", {"provider": identity}, f"approve {name}")
    return identity


@pytest.fixture
def photographers(shop):
    return [provider(shop, name) for name in ("Grace", "Linus", "Mary")]


def posted(shop, key="post", **more):
    given = {"title": "Portraits", "skills": ["portrait"], "date": "2027-02-10", "customer": ADA, **more}
    return shop.do("jobs", "post", given, key)["job"]


def test_of_two_who_accept_at_once_only_the_one_who_was_asked_has_the_job(shop, crowd, photographers):
    job = posted(shop)
    asked = shop.do("jobs", "assign", {"job": job}, "assign")["provider"]
    others = [one for one in photographers if one != asked]
    found = crowd.at_once(
        *(doing("jobs", "accept", {"job": job, "provider": one}, f"accept {one}") for one in (asked, *others)),
        doing("jobs", "accept", {"job": job, "provider": asked}, "accept again"),
    )
    assert outcomes(found) == (2, {"wrong_state"})
    assert shop.do("jobs", "get", {"job": job}, "get")["provider"] == asked
    assert shop.told("job.accepted") == ["job.accepted"]


def test_who_accepts_while_their_time_runs_out_has_the_job_or_the_next_one_is_asked_never_both(
    shop, crowd, photographers
):
    jobs = [posted(shop, f"post {number}", date=f"2027-02-{number + 10}") for number in range(4)]
    asked = [shop.do("jobs", "assign", {"job": job}, f"assign {job}")["provider"] for job in jobs]
    works = []
    for job, one in zip(jobs, asked, strict=True):
        works += [
            doing("jobs", "accept", {"job": job, "provider": one}, f"accept {job}"),
            doing("jobs", "decline", {"job": job, "provider": one}, f"decline {job}"),
        ]
    crowd.at_once(*works)
    for job, one in zip(jobs, asked, strict=True):
        said = shop.do("jobs", "get", {"job": job}, f"get {job}")
        with shop.hub.database.read() as connection:
            rows = connection.execute(offers.select().where(offers.c.job == job)).all()
        states = {row.provider: row.state for row in rows}
        if said["state"] == "accepted":
            assert (said["provider"], states) == (one, {one: "accepted"})
        else:
            assert said["state"] == "assigned"
            assert said["provider"] != one
            assert states == {one: "declined", said["provider"]: "open"}


def test_two_jobs_of_one_day_that_are_assigned_at_once_go_to_two_providers(shop, crowd, photographers):
    jobs = [posted(shop, f"post {number}") for number in range(3)]
    found = crowd.at_once(*(doing("jobs", "assign", {"job": job}, f"assign {job}") for job in jobs))
    assert sorted(one["provider"] for one in found) == sorted(photographers)


def test_of_two_offers_that_are_chosen_at_once_one_has_the_job(shop, crowd, photographers):
    job = posted(shop, currency="EUR")
    for number, one in enumerate(photographers):
        shop.do("jobs", "offer", {"job": job, "provider": one, "price": eur(9000 + number)}, f"offer {number}")
    made = [derived_id("off", job, one) for one in photographers]
    found = crowd.at_once(*(doing("jobs", "choose", {"job": job, "offer": one}, f"choose {one}") for one in made))
    assert outcomes(found)[0] == 1
    said = shop.do("jobs", "get", {"job": job}, "get")
    assert said["state"] == "accepted"
    states = sorted(one["state"] for one in said["offers"])
    assert (states, shop.told("job.chosen")) == (["chosen", "passed", "passed"], ["job.chosen"])
