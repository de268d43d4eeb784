import requests


def follow(served, link):
    answer = served.shop.post(link["url"], allow_redirects=False, timeout=10)
    return answer.headers["Location"].rpartition("/")[2] if answer.status_code == 303 else answer.status_code


def test_a_one_time_link_is_paid_once(served):
    link = served.post(
        "/links", amount=4500, currency="GBP", customer={"email": "ada@example.com"}, metadata={"n": "1"}
    )
    payment = follow(served, link)
    assert follow(served, link) == payment
    paid = served.post(f"/test/payments/{payment}/choose")
    assert (paid["link"], paid["metadata"], paid["customer"]["email"]) == (link["id"], {"n": "1"}, "ada@example.com")
    assert served.get(f"/links/{link['id']}")["status"] == "paid"
    assert follow(served, link) == 409
    assert served.events("link.") == ["link.created", "link.opened", "link.paid"]


def test_looking_at_a_link_changes_nothing(served):
    link = served.post("/links", amount=4500, currency="GBP")
    requests.get(link["url"], timeout=10)
    assert served.events() == ["link.created"]


def test_a_reusable_link_stays_open(served):
    link = served.post("/links", amount=500, currency="EUR", reusable=True)
    for _ in range(2):
        served.post(f"/test/payments/{follow(served, link)}/choose")
    now = served.get(f"/links/{link['id']}")
    assert (now["status"], now["payments"]) == ("active", 2)


def test_a_dead_link_explains_itself(served):
    expired = served.post("/links", amount=1, currency="EUR", expires_at="2026-11-24T09:00:00Z")
    cancelled = served.post("/links", amount=1, currency="EUR")
    served.post(f"/links/{cancelled['id']}/cancel")
    assert served.post(f"/links/{cancelled['id']}/cancel")["status"] == "cancelled"
    served.forward("day")
    for link, words in ((expired, "has expired"), (cancelled, "was cancelled")):
        page = requests.get(link["url"], timeout=10)
        assert page.status_code == 410
        assert words in page.text
        assert follow(served, link) == 409
    assert served.refused(f"/links/{expired['id']}/cancel") == (409, "wrong_state")


def test_a_link_that_is_closed_closes_its_open_payment(served):
    link = served.post("/links", amount=1, currency="EUR")
    payment = follow(served, link)
    served.post(f"/links/{link['id']}/cancel")
    assert served.get(f"/payments/{payment}")["status"] == "expired"
    assert served.refused(f"/test/payments/{payment}/choose") == (409, "wrong_state")


def test_a_result_that_comes_late_still_pays_the_link(served):
    link = served.post("/links", amount=1, currency="EUR", expires_at="2026-11-24T09:00:00Z")
    served.post(f"/test/payments/{follow(served, link)}/choose", choice="later")
    served.forward("week")
    assert served.get(f"/links/{link['id']}")["status"] == "paid"
