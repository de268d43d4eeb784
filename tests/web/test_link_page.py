"""The page of a payment link: leads to its order, says why it is dead, makes no order for a mail scanner."""

import re

import pytest

AMOUNT = {"minor": 4500, "currency": "EUR"}


def link(shop, **more):
    return shop.do("links", "create", {"amount": AMOUNT, "purpose": "Piano <b>", **more}, str(sorted(more))[:20])


def text_of(html):
    return " ".join(re.sub(r"<[^>]+>", " ", re.sub(r"<(style|script).*?</\1>", "", html, flags=re.DOTALL)).split())


def led(shop, made, **options):
    """Where the link leads to, and what that page says."""
    answer = shop.visit(made["url"], **options)
    assert answer.status_code == 303
    return answer.headers["Location"], text_of(shop.visit(answer.headers["Location"]).text)


def test_it_leads_to_its_order_and_is_opened_once(shop):
    made = link(shop)
    for _ in range(2):
        address, page = led(shop, made)
    assert "/o/" in address
    assert "Piano &lt;b&gt; €45.00" in page
    assert "Order 1" not in page, "the payer knows of no order"
    assert shop.told("link") == ["link.created", "link.opened"]


@pytest.mark.parametrize(
    ("how", "words"),
    [("cancelled", "This payment request was withdrawn."), ("expired", "ask for a new link"), ("paid", "Thank you")],
)
def test_a_dead_link_says_why(shop, how, words):
    made = link(shop)
    if how == "cancelled":
        shop.do("links", "cancel", {"link": made["link"]}, "step-2")
    elif how == "expired":
        shop.forward(days=31)
    else:
        shop.happen("payment.succeeded", payment="pay_1", order=made["order"], amount=AMOUNT)
    _, page = led(shop, made)
    assert words in page
    assert shop.told("link.opened") == []


def test_it_is_paid_at_the_gateway_and_the_payment_knows_its_link(shop):
    made = link(shop)
    address, _ = led(shop, made)
    answer = shop.visit(address, "POST", data={"connection": "corner", "key": "k1"})
    assert answer.status_code == 200
    shop.pay(re.search(r'url=([^"]+)"|href="(http[^"]+)"', answer.text)[2])
    shop.visit(f"{address}?back=1")
    told = shop.event("payment.succeeded")
    assert (told["order"], told["link"]) == (made["order"], made["link"])
    assert shop.do("links", "get", {"link": made["link"]})["state"] == "paid"


def test_one_for_many_makes_an_order_at_the_click(shop):
    made = link(shop, reusable=True)
    page = shop.visit(made["url"])
    assert page.status_code == 200
    assert "Piano &lt;b&gt;" in page.text
    assert shop.told("order") == []
    first, again, second = (
        shop.visit(made["url"], "POST", data={"key": key}).headers["Location"] for key in ("a", "a", "b")
    )
    assert first == again != second
    assert shop.told("order") == ["order.placed", "order.placed"]
    shop.do("links", "cancel", {"link": made["link"]}, "step-2")
    assert shop.visit(made["url"], "POST", data={"key": "c"}).status_code == 409
    assert "withdrawn" in shop.visit(made["url"]).text
    assert "withdrawn" in shop.visit(first).text


def test_it_speaks_the_visitors_language(shop):
    made = link(shop)
    answer = shop.visit(f"{made['url']}?lang=de")
    assert answer.headers["Location"].endswith("?lang=de")
    many = link(shop, reusable=True)
    assert 'lang="de"' in shop.visit(f"{many['url']}?lang=de").text


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_address_that_was_never_made_leads_nowhere(shop, method):
    """A letter changed, the kind of another page, the name of something else, an id without its signature."""
    made = link(shop, reusable=True)
    office = shop.office()
    token = made["url"].rpartition("/")[2]
    elsewhere = [office.address(kind, made["link"]).rpartition("/")[2] for kind in ("o", "i", "p", "m")]
    unknown = office.address("r", "plk_nobody").rpartition("/")[2]
    for wrong in (token[:-3] + "abc", token[:-1], f"{token}x", made["link"], token.swapcase(), unknown, *elsewhere):
        assert shop.visit(f"/r/{wrong}", method, data={"key": "k"}).status_code == 404, wrong
    assert shop.visit(f"/o/{token}").status_code == 404, "nor is a link the address of an order"
    assert shop.told() == ["link.created"]


def test_a_language_that_is_none_is_not_led_on(shop):
    made = link(shop)
    answer = shop.visit(f"{made['url']}?lang=%26x%3D1")
    assert "?" not in answer.headers["Location"]


def test_two_to_whom_a_link_was_forwarded_pay_once(shop):
    """Both have the page of the order open; the second pays after the first has, and gets the money back."""
    made = link(shop)
    address, _ = led(shop, made)
    pages = [shop.visit(address, "POST", data={"connection": name, "key": name}) for name in ("corner", "second")]
    assert [one.status_code for one in pages] == [200, 200]
    payments = list(shop.gateway.payments)
    shop.happen("payment.succeeded", payment=payments[0], order=made["order"], amount=AMOUNT)
    assert "Thank you" in led(shop, made)[1]
    assert shop.visit(address, "POST", data={"connection": "corner", "key": "third"}).status_code in {303, 409}
    assert len(shop.gateway.payments) == 2, "who comes when it is paid begins nothing"
    shop.happen("payment.succeeded", "second", payment=payments[1], order=made["order"], amount=AMOUNT)
    assert shop.event("order.paid_again")["payment"] == payments[1]
    assert shop.do("links", "get", {"link": made["link"]})["payments"] == 1


def test_who_comes_to_a_link_for_many_after_its_end_is_told_so(shop):
    made = link(shop, reusable=True, expires_in="1d")
    assert "Pay €45.00" in text_of(shop.visit(made["url"]).text)
    shop.forward(days=2)
    for answer in (shop.visit(made["url"]), shop.visit(made["url"], "POST", data={"key": "late"})):
        assert "ask for a new link" in text_of(answer.text)
        assert "Pay €45.00" not in text_of(answer.text)
    assert shop.told("order") == []
