"""Work for the admin: the board of jobs, one job, a new one; providers approved, suspended and changed."""

import re

import pytest

ADA = {"email": "ada@example.com", "name": "Ada Lovelace"}


def act(hub, connector, action, given, key):
    return hub.payments.act(connector, action, key.encode().hex().ljust(40, "0")[:40], given)


@pytest.fixture
def grace(hub):
    given = {"name": "Grace Hopper", "email": "grace@example.com", "skills": ["portrait"], "region": "Berlin"}
    return act(hub, "providers", "register", given, "grace")["provider"]


def text_of(html):
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def state(hub, job):
    return act(hub, "jobs", "get", {"job": job}, "look")


def test_an_empty_board_says_what_to_do_next(admin):
    assert "No jobs yet" in admin.page("/jobs")
    assert "No providers yet" in admin.page("/providers")


def test_a_provider_is_approved_changed_and_suspended(hub, admin, grace):
    assert "to be approved" in admin.page("/providers?text=grace&state=registered")
    admin.post(f"/providers/{grace}", do="approve")
    typed = {"name": "Grace B. Hopper", "phone": "", "region": "", "skills": "portrait, video", "rating": "7"}
    answer = admin.post(f"/providers/{grace}", **typed)
    assert answer.status_code == 422
    assert "Write a number from 0 to 5" in answer.text
    assert "Grace B. Hopper" in answer.text, "what was typed stays"
    admin.post(f"/providers/{grace}", **{**typed, "rating": "4.5"})
    known = act(hub, "providers", "get", {"provider": grace}, "look")
    assert (known["name"], known["skills"], known["rating"]) == ("Grace B. Hopper", ["portrait", "video"], 4.5)
    assert "language" not in known
    answer = admin.post(f"/providers/{grace}", **{**typed, "rating": "", "language": "tlh"})
    assert (answer.status_code, "Choose a language of the list." in answer.text) == (422, True)
    for language, shown in (("hi", "हिन्दी"), ("", "As each recipe says")):
        admin.post(f"/providers/{grace}", **{**typed, "rating": "", "language": language})
        assert f'<option value="{language}" selected>{shown}</option>' in admin.page(f"/providers/{grace}")
        assert act(hub, "providers", "get", {"provider": grace}, f"look {language}").get("language", "") == language
    admin.post(f"/providers/{grace}", do="suspend")
    assert act(hub, "providers", "get", {"provider": grace}, "look 2")["state"] == "suspended"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"title": ""}, "Write what is to be done."),
        ({"title": "Portraits", "price": "1.005", "currency": "USD"}, "1.005"),
        ({"title": "Portraits", "how": "offers"}, "Say in which currency prices are offered."),
        ({"title": "Portraits", "date": "2027-02-30"}, "is not a day of the calendar"),
    ],
)
def test_a_job_that_cannot_be_is_said_at_its_field(admin, typed, said):
    answer = admin.post("/jobs/new", **typed)
    assert answer.status_code == 422
    assert said in answer.text


def test_a_job_is_posted_given_by_hand_and_cancelled(hub, admin, grace):
    typed = {"title": "Portraits", "skills": "portrait", "price": "249", "currency": "eur", "how": "assign", **ADA}
    posted = admin.post("/jobs/new", key="k1", **typed)
    job = posted.headers["Location"].rpartition("/")[2]
    assert admin.post("/jobs/new", key="k1", **typed).headers["Location"] == posted.headers["Location"]
    page = text_of(admin.page(f"/jobs/{job}"))
    assert "Nobody is left who could take it." in page
    assert "€249.00" in page
    assert "nobody left" in admin.page("/jobs?text=portraits ada")
    admin.post(f"/providers/{grace}", do="approve")
    admin.post(f"/jobs/{job}", do="assign", provider=grace)
    assert state(hub, job)["provider"] == grace
    assert "Grace Hopper" in admin.page(f"/jobs/{job}")
    admin.post(f"/jobs/{job}", do="cancel", reason="rain")
    assert (state(hub, job)["state"], state(hub, job)["reason"]) == ("cancelled", "rain")
    answer = admin.post(f"/jobs/{job}", do="start")
    assert answer.status_code == 422
    assert "cannot be started: it was cancelled" in answer.text
    assert "job.cancelled" in admin.page(f"/jobs/{job}")
