"""Jobs: assigned in turn until somebody accepts, offered and chosen, paid once, done, confirmed, disputed, cancelled."""

from datetime import timedelta

import pytest

from hub.commerce.job_giving import lapse
from hub.commerce.jobs import no_offers
from hub.journal.tables_office import timers
from hub.journal.tables_work import job_payments, jobs, providers

ADA = {"email": "ada@example.com", "name": "Ada Lovelace"}


def eur(minor):
    return {"minor": minor, "currency": "EUR"}


@pytest.fixture
def work(shop):
    """Three approved photographers in Berlin; the first has registered first."""
    for name in ("Grace", "Linus", "Mary"):
        person(shop, name)
        shop.moment += timedelta(seconds=1)
    return shop


def person(shop, name, skills=("portrait",), region="Berlin", language=None):
    given = {"name": name, "email": f"{name.lower()}@example.com", "skills": list(skills), "region": region}
    given |= {"language": language} if language else {}
    identity = shop.do("providers", "register", given, f"register {name}")["provider"]
    shop.do("providers", "approve", {"provider": identity}, f"approve {name}")
    return identity


def whose(shop, job):
    """The name of who has the job."""
    with shop.hub.database.read() as connection:
        rows = {row.id: row.name for row in connection.execute(providers.select())}
    return rows.get(state(shop, job).get("provider"))


def post(shop, key="post", **more):
    given = {"title": "Portraits", "kind": "shoot", "skills": ["portrait"], "region": "Berlin", "date": "2027-02-10"}
    return shop.do("jobs", "post", {**given, "customer": ADA, **more}, key)["job"]


def state(shop, job):
    return shop.do("jobs", "get", {"job": job})


def step(shop, action, job, **more):
    return shop.do("jobs", action, {"job": job, **more}, f"{action} {job} {more}"[:40])


def pay(shop, job, payment="c_1", amount=None, kind="succeeded"):
    shop.happen(f"payment.{kind}", payment=payment, job=job, amount=amount or state(shop, job)["price"])


# assigned


def test_a_job_goes_from_one_to_the_next_until_somebody_accepts(work):
    job = post(work, price=eur(24900))
    assert step(work, "assign", job)["awaiting"] == "acceptance"
    assert whose(work, job) == "Grace"
    step(work, "decline", job, reason="busy")
    assert whose(work, job) == "Linus"
    work.forward(hours=25)
    assert whose(work, job) == "Mary", "no answer in time"
    assert step(work, "accept", job)["state"] == "accepted"
    assert sorted(one["state"] for one in state(work, job)["offers"]) == ["accepted", "declined", "lapsed"]
    told = ["posted", "assigned", "declined", "assigned", "declined", "assigned", "accepted"]
    assert work.told("job") == [f"job.{one}" for one in told]


def test_when_nobody_is_left_it_is_told_and_somebody_can_be_named(work):
    job = post(work)
    step(work, "assign", job)
    for _ in range(3):
        work.do("jobs", "decline", {"job": job}, f"decline {whose(work, job)}")
    no_offers(work.office("a timer that was claimed meanwhile"), job)
    assert [one["reason"] for one in work.said("job.unfilled")] == ["nobody_left"]
    assert state(work, job)["state"] == "posted"
    late = person(work, "Zoe", skills=())
    given = step(work, "assign", job, provider=late)
    assert (given["provider"], "reason" in given) == (late, False)
    step(work, "accept", job, provider=late)
    assert state(work, job)["state"] == "accepted"


def test_whoever_has_another_job_that_day_or_is_away_is_not_asked(work):
    first, second = post(work), post(work, "post-2")
    step(work, "assign", first)
    step(work, "assign", second)
    assert (whose(work, first), whose(work, second)) == ("Grace", "Linus")
    mary = next(one["provider"] for one in work.do("providers", "find", {})["providers"] if one["name"] == "Mary")
    from_page = work.office("calendar")
    from_page.change(lambda book: book.change(providers, book.get(providers, mary), calendar=["2027-02-10"]))
    third = post(work, "post-3")
    left = step(work, "assign", third)
    assert (left["state"], "until" in left) == ("posted", False), "nobody is free"
    assert work.told("job")[-1] == "job.unfilled"


def test_who_was_passed_over_cannot_accept_any_more(work):
    job = post(work)
    grace = step(work, "assign", job)["provider"]
    work.forward(hours=25)
    error = work.refused_to("jobs", "accept", {"job": job, "provider": grace})
    assert (error.code, error.message) == ("wrong_state", "The job 1 went to somebody else.")


def test_an_answer_after_its_time_is_refused_before_the_timer_comes(work):
    job = post(work)
    grace = step(work, "assign", job)["provider"]
    work.moment = work.moment.replace(day=1, month=2, hour=9)
    error = work.refused_to("jobs", "accept", {"job": job, "provider": grace})
    assert error.message == "The time to answer for the job 1 is over."


def test_each_step_is_told_once_however_often_it_is_repeated(work):
    job = post(work)
    step(work, "assign", job)
    for action in ("assign", "accept", "start", "done", "confirm"):
        for number in range(3):
            work.do("jobs", action, {"job": job}, f"{action} {number}")
    assert state(work, job)["state"] == "confirmed"
    told = ["posted", "assigned", "accepted", "started", "done", "confirmed"]
    assert work.told("job") == [f"job.{one}" for one in told]


def test_who_says_nothing_for_three_days_has_confirmed(work):
    job = post(work)
    for action in ("assign", "accept", "start", "done"):
        step(work, action, job)
    work.forward(days=2)
    assert state(work, job)["state"] == "done_reported"
    work.forward(days=2)
    assert state(work, job)["state"] == "confirmed"
    assert work.event("job.confirmed")["reason"] == "no_answer"


def test_a_dispute_stops_what_would_be_confirmed_by_itself(work):
    job = post(work)
    for action in ("assign", "accept", "start", "done"):
        step(work, action, job)
    step(work, "dispute", job, reason="blurred")
    assert timers_of(work, job) == []
    work.forward(days=9)
    assert (state(work, job)["state"], state(work, job)["reason"]) == ("disputed", "blurred")


# offered and chosen


@pytest.fixture
def offered(work):
    """A job for which two have named a price, in yen or what it asks for."""
    job = post(work, pay="direct", currency="EUR")
    found = work.do("providers", "find", {"skills": ["portrait"]})["providers"]
    for one, minor in zip(found, (120_000, 95_000), strict=False):
        given = {"job": job, "provider": one["provider"], "price": eur(minor), "note": "With insurance"}
        work.do("jobs", "offer", given, f"offer {minor}")
        work.moment += timedelta(seconds=1)
    return work, job


def choose(work, job, number):
    return step(work, "choose", job, offer=state(work, job)["offers"][number]["offer"])


def test_the_customer_chooses_an_offer_and_pays_it(offered):
    work, job = offered
    assert (state(work, job)["state"], len(state(work, job)["offers"])) == ("offered", 2)
    chosen = choose(work, job, 1)
    assert (chosen["state"], chosen["awaiting"], chosen["price"]) == ("assigned", "payment", eur(95_000))
    chosen = choose(work, job, 0)
    assert chosen["price"] == eur(120_000), "until it is paid another may be chosen"
    assert work.refused_to("jobs", "start", {"job": job}).message.endswith("its customer has not paid yet.")
    pay(work, job)
    paid = state(work, job)
    assert (paid["state"], paid["payment"], paid["connection"]) == ("accepted", "c_1", "corner")
    assert [one["state"] for one in paid["offers"]] == ["chosen", "passed"]
    told = ["posted", "offered", "offered", "chosen", "chosen", "accepted"]
    assert work.told("job") == [f"job.{one}" for one in told]


def test_each_news_of_a_job_tells_the_language_of_the_provider_whom_it_names(shop):
    people = {name: person(shop, name, language=spoken) for name, spoken in (("Grace", "hi"), ("Linus", None))}
    job = post(shop, pay="direct", currency="EUR")
    for name, provider in people.items():
        shop.do("jobs", "offer", {"job": job, "provider": provider, "price": eur(100_000)}, name)
        shop.moment += timedelta(seconds=1)
    told = [(one["provider"], one.get("provider_language")) for one in shop.said("job.offered")]
    assert told == [(people["Grace"], "hi"), (people["Linus"], None)]
    assert "provider_language" not in shop.said("job.posted")[0], "it names nobody yet"
    choose(shop, job, 0)
    assert shop.said("job.chosen")[0]["provider_language"] == "hi"
    assert state(shop, job)["provider_language"] == "hi"


def test_an_offer_can_be_changed_and_the_same_one_is_told_once(offered):
    work, job = offered
    first = state(work, job)["offers"][0]
    same = {"job": job, "provider": first["provider"], "price": first["price"], "note": first["note"]}
    work.do("jobs", "offer", same, "again")
    work.do("jobs", "offer", {**same, "price": eur(110_000)}, "cheaper")
    assert state(work, job)["offers"][0]["price"] == eur(110_000)
    assert work.told("job.offered") == ["job.offered"] * 3


@pytest.mark.parametrize(
    ("price", "code"),
    [({"minor": 100, "currency": "USD"}, "currency_unsupported"), ({"minor": 0, "currency": "EUR"}, "bad_input")],
)
def test_a_price_that_cannot_be_is_refused(offered, price, code):
    work, job = offered
    provider = state(work, job)["offers"][0]["provider"]
    assert work.refused_to("jobs", "offer", {"job": job, "provider": provider, "price": price}).code == code


def test_the_amount_must_be_the_one_of_the_offer_and_comes_once(offered):
    work, job = offered
    choose(work, job, 1)
    pay(work, job, "c_1", eur(1))
    assert state(work, job)["awaiting"] == "payment"
    pay(work, job, "c_2")
    pay(work, job, "c_3")
    with work.hub.database.read() as connection:
        rows = connection.execute(job_payments.select().order_by(job_payments.c.payment)).all()
    assert [(row.state, row.reason) for row in rows] == [
        ("surplus", "other_amount"),
        ("taken", None),
        ("surplus", "paid_already"),
    ]
    assert work.told("job.accepted") == ["job.accepted"]


def test_what_comes_in_after_it_was_cancelled_goes_back(offered, gateway):
    work, job = offered
    choose(work, job, 0)
    step(work, "cancel", job, reason="no need")
    assert work.event("job.cancelled")["reason"] == "no need"
    assert {one["state"] for one in state(work, job)["offers"]} == {"passed"}
    pay(work, job, amount=eur(120_000))
    with work.hub.database.read() as connection:
        row = connection.execute(job_payments.select()).one()
    assert (row.state, row.reason) == ("surplus", "cancelled")
    assert state(work, job)["state"] == "cancelled"


def test_a_debit_that_the_bank_takes_back_must_be_paid_again(offered):
    work, job = offered
    choose(work, job, 0)
    pay(work, job)
    work.happen("payment.returned", payment="c_1", amount=eur(120_000))
    now = state(work, job)
    assert (now["state"], now["awaiting"], now["paid"]) == ("assigned", "payment", False)


def test_nobody_offers_in_time(work):
    job = post(work, offers_within="2d")
    work.forward(days=3)
    assert work.event("job.unfilled")["reason"] == "no_offers"
    assert state(work, job)["state"] == "posted"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"date": "2027-02-30"}, "The date '2027-02-30' is not a day of the calendar."),
        ({"price": {"minor": 0, "currency": "JPY"}}, "A job cannot cost 0 JPY."),
        ({"answer_within": "900000w"}, "answer_within: 900000w is longer than ten years."),
    ],
)
def test_a_job_that_cannot_be_is_refused(work, more, words):
    given = {"title": "Portraits", **more}
    assert work.refused_to("jobs", "post", given).message == words
    assert work.told("job") == []


def test_a_day_that_is_over_everywhere_can_have_no_job(work):
    work.moment = work.moment.replace(hour=11, minute=59)
    yesterday = str(work.moment.date() - timedelta(days=1))
    assert state(work, post(work, date=yesterday))["date"] == yesterday, "it is still that day in Hawaii"
    work.moment += timedelta(minutes=1)
    refused = work.refused_to("jobs", "post", {"title": "Portraits", "date": yesterday})
    assert refused.message == f"The day {yesterday} is over."


def test_a_job_that_was_posted_in_time_is_the_same_when_it_is_posted_again_later(work):
    day = str(work.moment.date() + timedelta(days=1))
    job = post(work, "post-1", date=day)
    work.forward(days=5)
    assert post(work, "post-1", date=day) == job


# who gets it, and when it is too late


def timers_of(shop, job):
    with shop.hub.database.read() as connection:
        return [row.kind for row in connection.execute(timers.select().where(timers.c.subject == job))]


def people_of(shop):
    return {one["name"]: one["provider"] for one in shop.do("providers", "find", {}, str(shop.moment))["providers"]}


def test_a_job_that_is_given_to_somebody_else_by_hand_is_taken_from_who_was_asked(work):
    people = people_of(work)
    job = post(work)
    step(work, "assign", job)
    assert step(work, "assign", job, provider=people["Mary"])["provider"] == people["Mary"]
    for action in ("accept", "decline"):
        error = work.refused_to("jobs", action, {"job": job, "provider": people["Grace"]}, action)
        assert error.message == "The job 1 went to somebody else."
    work.forward(hours=23)
    assert whose(work, job) == "Mary", "she has her own time to answer"
    step(work, "accept", job, provider=people["Mary"])
    work.forward(days=3)
    assert state(work, job)["state"] == "accepted"
    assert {one["name"]: one["state"] for one in state(work, job)["offers"]} == {"Grace": "passed", "Mary": "accepted"}
    error = work.refused_to("jobs", "assign", {"job": job, "provider": people["Linus"]}, "once more")
    assert error.message == "The job 1 cannot be assigned: its provider has accepted it and not begun."


@pytest.mark.parametrize("answer", ["decline", "none"])
def test_when_only_one_is_to_be_asked_nobody_else_is(work, answer):
    people = people_of(work)
    job = post(work)
    step(work, "assign", job, provider=people["Linus"], only=True, answer_within="2h")
    assert state(work, job)["until"] == (work.moment + timedelta(hours=2)).isoformat()
    if answer == "decline":
        step(work, "decline", job, provider=people["Linus"])
    else:
        work.forward(hours=3)
    now = state(work, job)
    assert (now["state"], now["reason"], now.get("provider")) == ("posted", "nobody_left", None)
    assert "until" not in now
    assert work.told("job") == ["job.posted", "job.assigned", "job.declined", "job.unfilled"]
    step(work, "assign", job)
    assert whose(work, job) == "Grace", "the rule may go on when a person says so"


def test_a_span_to_answer_that_is_none_is_refused_and_nothing_is_changed(work):
    job = post(work)
    error = work.refused_to("jobs", "assign", {"job": job, "answer_within": "900000w"})
    assert error.message == "answer_within: 900000w is longer than ten years."
    assert state(work, job)["state"] == "posted"


def test_an_answer_just_in_time_counts(work):
    job = post(work)
    grace = step(work, "assign", job)["provider"]
    work.moment += timedelta(hours=24) - timedelta(seconds=1)
    assert step(work, "accept", job, provider=grace)["state"] == "accepted"
    work.forward(hours=1)
    assert whose(work, job) == "Grace"
    assert work.told("job.declined") == []


def test_the_timer_of_an_answer_that_comes_too_early_waits(work):
    job = post(work)
    step(work, "assign", job)
    assert timers_of(work, job) == ["jobs.answer"]
    lapse(work.office("early"), job)
    assert whose(work, job) == "Grace"
    work.forward(hours=25)
    assert whose(work, job) == "Linus"
    step(work, "accept", job)
    assert timers_of(work, job) == []
    lapse(work.office("late"), job)
    assert (whose(work, job), state(work, job)["state"]) == ("Linus", "accepted")


def test_who_is_not_approved_any_more_gets_no_job(work):
    people = people_of(work)
    job = post(work)
    work.do("providers", "suspend", {"provider": people["Grace"]})
    error = work.refused_to("jobs", "assign", {"job": job, "provider": people["Grace"]})
    assert (error.code, error.message) == ("wrong_state", "Grace is not approved as a provider.")
    step(work, "assign", job)
    assert whose(work, job) == "Linus"


def test_whoever_had_fewest_jobs_lately_is_asked_first(work):
    """Cancelled ones do not count, nor those of more than ninety days before."""
    people = people_of(work)
    for number, (name, ends) in enumerate(
        [("Mary", "done"), ("Linus", "cancel"), ("Linus", "cancel"), ("Grace", "done")]
    ):
        job = post(work, f"earlier {number}", date=f"2027-02-{number + 11}")
        step(work, "assign", job, provider=people[name])
        step(work, "accept", job)
        if ends == "cancel":
            step(work, "cancel", job)
        if name == "Mary":
            work.moment += timedelta(days=2)
    job = post(work, "now", date="2027-02-20")
    step(work, "assign", job)
    assert whose(work, job) == "Linus", "the others have one each"
    step(work, "accept", job)
    work.moment += timedelta(days=89)
    later = post(work, "later", date="2027-06-20")
    step(work, "assign", later)
    assert whose(work, later) == "Mary", "hers is too long ago to count"


@pytest.mark.parametrize("ends", ["decline", "cancel"])
def test_who_does_not_do_a_job_after_all_is_free_that_day(work, ends):
    people = people_of(work)
    first, second = post(work), post(work, "post-2")
    step(work, "assign", first, provider=people["Grace"], only=True)
    step(work, ends, first)
    step(work, "assign", second)
    assert whose(work, second) == "Grace"


def test_whoever_accepted_a_paid_job_waits_for_the_money_and_cannot_decline_then(work):
    job = post(work, pay="direct", price=eur(24900))
    step(work, "assign", job)
    assert step(work, "accept", job)["awaiting"] == "payment"
    assert work.told("job.accepted") == ["job.accepted"], "the customer is asked to pay then"
    lapse(work.office("a timer that was claimed meanwhile"), job)
    for _ in range(2):
        work.do("jobs", "accept", {"job": job}, "again")
    error = work.refused_to("jobs", "decline", {"job": job})
    assert error.message == "The job 1 cannot be declined: its customer has not paid yet."
    other = people_of(work)["Mary"]
    error = work.refused_to("jobs", "assign", {"job": job, "provider": other}, "somebody else")
    assert error.message == "The job 1 cannot be assigned: its customer has not paid yet."
    work.forward(days=3)
    assert (whose(work, job), state(work, job)["awaiting"]) == ("Grace", "payment"), (
        "the time to answer is over for good"
    )
    pay(work, job)
    assert state(work, job)["state"] == "accepted"
    assert work.told("job") == ["job.posted", "job.assigned", "job.accepted"]


def test_only_an_open_offer_for_this_job_of_somebody_approved_can_be_chosen(offered):
    work, job = offered
    first, second = state(work, job)["offers"]
    other = post(work, "post-2", pay="direct", currency="EUR", date="2027-02-12")
    work.do("jobs", "offer", {"job": other, "provider": second["provider"], "price": eur(100)}, "other")
    error = work.refused_to("jobs", "choose", {"job": other, "offer": first["offer"]}, "of another job")
    assert error.message == "This is no open offer for the job 2."
    work.do("providers", "suspend", {"provider": first["provider"]})
    error = work.refused_to("jobs", "choose", {"job": job, "offer": first["offer"]}, "suspended")
    assert error.message == "Grace is not approved as a provider."
    for number in range(3):
        work.do("jobs", "choose", {"job": job, "offer": second["offer"]}, f"choose {number}")
    assert work.told("job.chosen") == ["job.chosen"]
    pay(work, job)
    error = work.refused_to("jobs", "choose", {"job": job, "offer": first["offer"]}, "too late")
    assert (
        error.message == "The job 1 cannot be given to who made the offer: its provider has accepted it and not begun."
    )
    assert work.do("jobs", "choose", {"job": job, "offer": second["offer"]}, "once more")["state"] == "accepted"
    assert work.told("job.chosen") == ["job.chosen"]


def test_a_job_that_is_not_paid_here_is_given_at_once_to_who_is_chosen(work):
    people = people_of(work)
    job = post(work, currency="EUR")
    for name in ("Grace", "Mary"):
        work.do("jobs", "offer", {"job": job, "provider": people[name], "price": eur(100)}, name)
        work.moment += timedelta(seconds=1)
    chosen = choose(work, job, 1)
    assert (chosen["state"], chosen["provider"]) == ("accepted", people["Mary"])
    assert [one["state"] for one in chosen["offers"]] == ["passed", "chosen"]


def test_who_was_chosen_has_nothing_to_accept_and_the_customer_may_choose_another_still(offered):
    work, job = offered
    chosen = choose(work, job, 1)
    assert timers_of(work, job) == []
    before = state(work, job)
    assert work.do("jobs", "accept", {"job": job, "provider": chosen["provider"]}) == before
    again = choose(work, job, 0)
    assert [one["state"] for one in again["offers"]] == ["chosen", "open"]
    assert work.told("job.accepted") == []


def test_while_somebody_is_asked_no_offer_is_made_or_chosen(work):
    people = people_of(work)
    job = post(work, currency="EUR")
    work.do("jobs", "offer", {"job": job, "provider": people["Mary"], "price": eur(100)}, "offer")
    step(work, "assign", job, provider=people["Grace"])
    offers = {one["name"]: one["offer"] for one in state(work, job)["offers"]}
    for name in ("Mary", "Grace"):
        error = work.refused_to("jobs", "choose", {"job": job, "offer": offers[name]}, name)
        assert error.message == "The job 1 cannot be given to who made the offer: its provider has not accepted it yet."
    given = {"job": job, "provider": people["Linus"], "price": eur(90)}
    assert work.refused_to("jobs", "offer", given, "offer 2").message.endswith("its provider has not accepted it yet.")
    step(work, "accept", job)
    assert {one["name"]: one["state"] for one in state(work, job)["offers"]} == {"Grace": "accepted", "Mary": "passed"}


def test_a_job_that_has_offers_or_was_given_is_not_said_to_have_none(work):
    people = people_of(work)
    offered_one, given = post(work, offers_within="2d", currency="EUR"), post(work, "post-2", offers_within="2d")
    work.do("jobs", "offer", {"job": offered_one, "provider": people["Mary"], "price": eur(100)}, "offer")
    step(work, "assign", given)
    work.do("jobs", "decline", {"job": given}, "decline one")
    work.forward(days=3)
    reasons = [one["reason"] for one in work.said("job.unfilled")]
    assert "no_offers" not in reasons


def test_days_to_confirm_are_those_of_the_job_and_end_at_their_minute(work):
    job = post(work, confirm_within="5d")
    for action in ("assign", "accept", "start", "done"):
        step(work, action, job)
    ends = work.moment + timedelta(days=5)
    assert work.event("job.done")["until"] == ends.isoformat()
    work.moment = ends - timedelta(minutes=1)
    work.run_due()
    assert state(work, job)["state"] == "done_reported"
    work.moment = ends
    work.run_due()
    assert state(work, job)["state"] == "confirmed"


def test_who_confirmed_cannot_dispute_any_more_and_a_late_timer_confirms_nothing(work):
    job = post(work)
    for action in ("assign", "accept", "start", "done", "confirm"):
        step(work, action, job)
    assert timers_of(work, job) == []
    error = work.refused_to("jobs", "dispute", {"job": job})
    assert error.message == "The job 1 cannot be disputed: it was confirmed."
    work.forward(days=4)
    assert len(work.told("job.confirmed")) == 1
    assert "reason" not in work.event("job.confirmed")


@pytest.mark.parametrize(("day", "may"), [("2027-02-10", False), ("2027-02-11", True), (None, True)])
def test_a_customer_cancels_an_accepted_job_before_its_day_only_and_the_admin_later_too(work, day, may):
    job = post(work, **({"date": day} if day else {}))
    step(work, "assign", job)
    step(work, "accept", job)
    if day is None:
        work.office("no day").change(lambda book: book.change(jobs, book.get(jobs, job), date=None))
    work.moment = work.moment.replace(month=2, day=10, hour=0)
    given = {"job": job, "by_customer": True}
    if may:
        assert work.do("jobs", "cancel", given)["state"] == "cancelled"
        return
    error = work.refused_to("jobs", "cancel", given)
    assert (error.code, error.message) == (
        "wrong_state",
        "The customer cannot cancel the job 1 any more: its day has come.",
    )
    assert work.told("job.cancelled") == []
    assert step(work, "cancel", job)["state"] == "cancelled"


def test_a_customer_cancels_what_nobody_has_accepted_though_its_day_has_come(work):
    job = post(work)
    step(work, "assign", job)
    work.moment = work.moment.replace(month=2, day=11)
    assert work.do("jobs", "cancel", {"job": job, "by_customer": True})["state"] == "cancelled"
    assert work.do("jobs", "cancel", {"job": job, "by_customer": True}, "again")["state"] == "cancelled"
