"""Who gets a job by the rule, and what the state machine allows."""

import pytest

from hub.commerce import job_states
from hub.commerce.assigning import Candidate, Wanted, listed, ranked
from hub.errors import PermanentError

ADA = Candidate("ada", ("Portrait", "outdoor"), "Berlin", {"2026-12-05"}, jobs=0)
BOB = Candidate("bob", ("portrait",), "berlin", (), jobs=2, rating=4.9)
CLEO = Candidate("cleo", ("portrait", "out-door"), "", (), jobs=1, rating=3.0)
DAN = Candidate("dan", ("portrait",), "Hamburg", (), jobs=0)
EVE = Candidate("eve", ("portrait",), "Berlin", (), jobs=1, rating=4.5)


def names(wanted, asked=()):
    return [one.id for one in ranked(wanted, [ADA, BOB, CLEO, DAN, EVE], asked)]


@pytest.mark.parametrize(
    ("wanted", "asked", "order"),
    [
        (Wanted(("portrait",), "Berlin"), (), ["ada", "eve", "cleo", "bob"]),
        (Wanted(("portrait",), "BERLIN ", "2026-12-05"), (), ["eve", "cleo", "bob"]),
        (Wanted(("Portrait", "Outdoor"), "Berlin"), (), ["ada"]),
        (Wanted(("portrait",), "Berlin"), ("ada", "eve"), ["cleo", "bob"]),
        (Wanted(("portrait",)), (), ["ada", "dan", "eve", "cleo", "bob"]),
        (Wanted(("welding",)), (), []),
    ],
    ids=["fewest jobs, then rating", "free on the day", "every skill", "not asked twice", "anywhere", "nobody"],
)
def test_the_rule_ranks_who_fits(wanted, asked, order):
    assert names(wanted, asked) == order


@pytest.mark.parametrize("written", ["out door", "out-door", "OUT_DOOR", "  Out   Door "])
def test_capitals_spaces_hyphens_and_underscores_make_no_difference(written):
    one = Candidate("one", ("Out Door", "x"), "Bad-Soden", ())
    assert ranked(Wanted((written,), "bad soden"), [one]) == [one]
    assert ranked(Wanted((written, "y"), "bad soden"), [one]) == []
    assert ranked(Wanted((written,), "bad"), [one]) == []


def test_of_those_with_as_many_jobs_the_rated_come_first_then_who_registered_first():
    def one(name, jobs=1, rating=None):
        return Candidate(name, (), "", (), jobs, rating)

    people = [
        one("none"),
        one("low", rating=0.5),
        one("other"),
        one("best", rating=5.0),
        one("idle", 0),
        one("zero", rating=0.0),
    ]
    assert [found.id for found in ranked(Wanted(), people)] == ["idle", "best", "low", "none", "other", "zero"]


def test_skills_are_read_as_people_write_them():
    assert listed(" Portrait,  out door\nportrait; Video,,") == ("Portrait", "out door", "Video")


def test_every_step_leads_where_the_machine_says_and_nowhere_else():
    for name, step in job_states.STEPS.items():
        for state in job_states.STATES:
            if state in step.sources:
                assert job_states.after(name, 1, state) == step.to
            elif state in step.done:
                assert job_states.after(name, 1, state) is None
            else:
                with pytest.raises(PermanentError, match=r"The job 1 cannot be .+: .+\.") as caught:
                    job_states.after(name, 1, state)
                assert caught.value.code == "wrong_state"


def test_no_step_leads_on_from_the_end():
    for state in job_states.OVER:
        assert not any(job_states.can(step, state) for step in job_states.STEPS)
