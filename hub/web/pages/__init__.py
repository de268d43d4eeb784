"""One module for each part of the pages, each with its blueprint."""

from hub.web.pages import (
    account,
    answers,
    business,
    connections,
    coupons,
    editor,
    events,
    form_page,
    guide,
    home,
    outbox,
    pay,
    payments,
    plans,
    probes,
    recipes,
    runs,
    settings,
    shop,
    stuck,
    subscriptions,
    templates,
)

PAGES = tuple(
    module.pages
    for module in (
        account,
        home,
        stuck,
        recipes,
        guide,
        editor,
        runs,
        events,
        connections,
        outbox,
        templates,
        settings,
        business,
        answers,
        payments,
        subscriptions,
        plans,
        coupons,
        pay,
        shop,
        form_page,
        probes,
    )
)
