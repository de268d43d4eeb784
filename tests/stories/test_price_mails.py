"""Who pays every month is told of another price before it is charged, in their language; who does not pay it is told nothing."""

import pytest
import sqlalchemy as sa

from hub.journal.tables_office import calls

from .town import Town

STORIES = {
    "online-course": ("course", "membership", {}, "course", {}),
    "crm-sync": ("join", "month", {}, "life", {}),
    "charity": (
        "donate",
        "monthly",
        {"currency": "KWD", "other-monthly-KWD": "5.255"},
        "once",
        {"currency": "EUR", "other-once-EUR": "25"},
    ),
}
"""Each story's form: what is paid every month there, what is paid once, and what is entered besides."""

SUBJECTS = {
    "online-course": "अगली अवधि से आपकी सदस्यता €21.50 की होगी",
    "crm-sync": "अगली अवधि से आपकी सदस्यता €21.50 की होगी",
    "charity": "आपका मासिक दान अब KWD6.005 का होगा",
}
BEFORE = {"online-course": "€19.00", "crm-sync": "€9.00", "charity": "KWD5.255"}


def subscribe(town):
    """The visitor pays the first month on the sandbox."""
    made = (calls.c.action == "subscription.create", calls.c.state == "done")

    def begun():
        with town.live.hub.database.read() as connection:
            return connection.scalars(sa.select(calls.c.output).where(*made)).all()

    (output,) = town.live.until(begun)
    town.live.sandbox("POST", f"/test/subscriptions/{output['subscription']}/choose", {"choice": "pay"})


def written_of(town, *amounts):
    """Who got a mail with one of the amounts in its subject."""
    return [one["recipient"] for one in town.live.hub.store.mails() if any(text in one["subject"] for text in amounts)]


@pytest.mark.parametrize("story", STORIES)
def test_who_pays_every_month_is_told_of_the_new_price_and_nobody_else_is(live, story):
    form, monthly, entered, once, more = STORIES[story]
    town = Town(live, story)

    def repriced(minor, times):
        price = {"minor": minor, "currency": "KWD" if story == "charity" else "EUR"}
        town.act("sandbox", "plan.update", plan=member["plan"], price=price, existing="move")
        live.until(lambda: [one.status for one in live.runs() if one.recipe.endswith("price-mails")]
                   == ["succeeded"] * times)  # fmt: skip

    town.fill_in(form, "hi", offer=monthly, **entered)
    subscribe(town)
    town.fill_in(form, "de", offer=once, **{**more, "f-email": "once@example.com"})
    town.pay()
    subscription = town.told("subscription.started")["subscription"]
    (member,) = town.act("forms", "submissions", form=form, offer=monthly, state="active")["submissions"]
    repriced(6005 if story == "charity" else 2150, 1)
    text = town.letter("ada@example.com", SUBJECTS[story]).replace("*", "")
    assert f"अब तक यह {BEFORE[story]} " in text
    assert written_of(town, "21.50", "21,50", "6.005", "6,005") == ["ada@example.com"]
    town.act("sandbox", "subscription.cancel", subscription=subscription, at="period_end")
    town.told("subscription.cancelled")
    repriced(7000, 2)
    assert written_of(town, "70.00", "70,00", "7.000", "7,000") == []
