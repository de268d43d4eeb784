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


def test_an_address_that_was_never_made_leads_nowhere(shop):
    made = link(shop)
    assert shop.visit(made["url"][:-3] + "abc").status_code == 404
