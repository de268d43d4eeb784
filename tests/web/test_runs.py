import pytest

from hub.journal.queries import RunFilter
from hub.web.pages.runs import called, step_id


def test_a_hub_without_runs_says_how_to_get_one(admin):
    assert "No runs yet" in admin.page("/runs")
    assert "No run fits" in admin.page("/runs?status=failed")


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("recipe=thanks", True),
        ("recipe=other", False),
        ("status=ready", True),
        ("status=failed", False),
        ("text=ADA@example.com", True),
        ("text=eve", False),
        ("text=%25", False),
        ("period=today", True),
        ("period=hour", True),
        ("event=evt_none", False),
        ("after=arr_0", False),
    ],
)
def test_the_list_is_filtered(admin, run, asked, shown):
    assert (run in admin.page(f"/runs?{asked}")) is shown


def test_old_runs_fall_out_of_a_period(admin, run, clock):
    clock.forward(days=2)
    admin.log_in("admin@example.com")
    assert run not in admin.page("/runs?period=today")
    assert run in admin.page("/runs?period=week")


def test_a_long_list_goes_on_on_the_next_page(hub, admin, recipe, clock):
    for number in range(60):
        clock.forward(seconds=1)
        hub.runs.record(
            "payment.succeeded", {"payment": f"pay_{number}", "amount": {"minor": 1, "currency": "EUR"}}, "t"
        )
    first = admin.page("/runs?recipe=thanks")
    assert "pay_59" in first
    assert "pay_9 " not in first
    after = hub.queries.runs(RunFilter(recipe="thanks")).next
    second = admin.page(f"/runs?recipe=thanks&after={after}")
    assert f"after={after}" in first
    assert "pay_9" in second
    assert "pay_59" not in second
    assert "hx-trigger" not in second


def test_a_run_shows_its_event_and_its_standing(admin, run, event):
    page = admin.page(f"/runs/{run}")
    assert f'href="/events/{event}"' in page
    assert "about to start" in page
    assert "It has not begun yet" in page


def test_a_run_that_did_not_change_is_not_sent_again(admin, run):
    import re

    seen = re.search(r"seen=([0-9a-f]+)", admin.page(f"/runs/{run}"))[1]
    assert admin.get(f"/runs/{run}?seen={seen}").status_code == 204
    admin.post(f"/runs/{run}/cancel")
    assert admin.get(f"/runs/{run}?seen={seen}").status_code == 200


def test_a_run_is_cancelled_once(hub, admin, run):
    assert "cancelled" in admin.post(f"/runs/{run}/cancel", follow=True).text
    assert hub.queries.run(run).summary.status == "cancelled"
    again = admin.post(f"/runs/{run}/cancel")
    assert again.status_code == 409
    assert "The run has ended already." in again.text


def test_a_run_is_done_again_as_new_work(hub, admin, run):
    done = admin.post(f"/runs/{run}/rerun")
    new = done.headers["Location"].rpartition("/")[2]
    assert new != run
    assert hub.queries.run(new).summary.recipe == "thanks"
    assert "started again by hand" in admin.page(f"/runs/{new}")


def test_only_a_failed_run_goes_on(admin, run):
    answer = admin.post(f"/runs/{run}/retry")
    assert answer.status_code == 409
    assert "Go on from the failed step" not in admin.page(f"/runs/{run}")


def test_a_decision_needs_an_uncertain_step_and_a_choice(admin, run):
    assert admin.post(f"/runs/{run}/decide", path="mail", choice="happened").status_code == 409
    assert admin.post(f"/runs/{run}/decide", path="mail", choice="whatever").status_code == 409
    assert admin.post(f"/runs/{run}/decide", path="mail", choice="happened", output="{").status_code == 409


def test_what_people_do_to_runs_is_in_the_audit_trail(hub, admin, run):
    admin.post(f"/runs/{run}/rerun")
    admin.post(f"/runs/{run}/cancel")
    trail = {(row["action"], row["target"]) for row in hub.store.audit_trail()}
    assert trail >= {("run.rerun", run), ("run.cancel", run)}


def test_paths_know_their_step():
    assert [step_id(path) for path in ("pay", "pay[3]", "pay[3][0]", "question.mail", "question.mail~2", "pay~1")] == [
        "pay",
        "pay",
        "pay",
        "question",
        "question",
        "pay",
    ]
    assert called({"call": "mail/send", "with": {}}) == "mail/send"
    assert called({"to": "x"}) == called(None) == ""
