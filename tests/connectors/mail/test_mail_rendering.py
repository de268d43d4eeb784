import pytest

from connectors.mail.connector import BUILTIN_TEMPLATES
from connectors.mail.rendering import parse_template, plain_markdown, render
from hub.errors import PermanentError


def show(source, **data):
    return render(parse_template(source, "t"), data, "t")


def test_front_matter_gives_the_subject_and_markdown_both_bodies():
    mail = show(
        "---\nsubject: Order ${ order }\n---\n# Hello\n\n**${ total }** for [it](https://shop.example/o)\n",
        order="o_1",
        total="10 €",
    )
    assert mail.subject == "Order o_1"
    assert mail.text == "Hello\n\n10 € for it: https://shop.example/o\n"
    assert "<h1>Hello</h1>" in mail.html
    assert '<strong>10 €</strong> for <a href="https://shop.example/o">it</a>' in mail.html


@pytest.mark.parametrize(
    "value",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[click](https://evil.example)",
        "**bold** `code` # x",
        "&lt;b&gt;",
        '"><b>',
        "![x](https://evil.example/pixel.png)",
    ],
)
def test_what_a_customer_typed_is_shown_and_never_becomes_markup(value):
    mail = show("Dear ${ name },\n\n- ${ name }\n", name=value)
    body = mail.html.split("<body")[1].partition(">")[2]
    assert "<script" not in body
    assert "<img" not in body
    assert "<a " not in body
    assert "<strong>" not in body
    assert "<b>" not in body
    assert mail.text.startswith(f"Dear {value},")


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", "vbscript:x", " javascript:x", "JaVaScRiPt:x"]
)
def test_a_link_leads_only_to_the_web_or_a_mailbox(address):
    mail = show("[Pay](${ url })", url=address)
    assert '<a href="#">Pay</a>' in mail.html


def test_a_links_address_is_escaped_in_its_attribute():
    mail = show("[Pay](${ url })", url='https://shop.example/?a=1&b="x"')
    assert '<a href="https://shop.example/?a=1&amp;b=&quot;x&quot;">Pay</a>' in mail.html


def test_html_written_into_a_template_is_shown_as_text():
    assert "&lt;blink&gt;" in show("<blink>Hi</blink>").html


def test_lists_links_and_addresses_as_values():
    answers = [{"label": "Accept", "url": "https://h.example/a"}, {"label": "Decline", "url": "https://h.example/d"}]
    mail = show("${ answers }\n\n${ url }\n\n${ lines }", answers=answers, url="https://h.example/x", lines=["a", "b"])
    assert '<a href="https://h.example/a">Accept</a><br><a href="https://h.example/d">Decline</a>' in mail.html
    assert '<a href="https://h.example/x">https://h.example/x</a>' in mail.html
    assert "a<br>b" in mail.html
    assert "Accept: https://h.example/a\nDecline: https://h.example/d" in mail.text


def test_a_value_that_is_missing_fails_instead_of_leaving_a_gap():
    with pytest.raises(PermanentError, match=r"'t': order gives nothing. Write default\(order, ''\)"):
        show("Your order ${ order }")
    assert show("Your order ${ default(order, 'is here') }").text == "Your order is here\n"


def test_an_expression_that_fails_names_the_template():
    with pytest.raises(PermanentError, match="'t'"):
        show("${ length(total) }", total=5)
    with pytest.raises(PermanentError, match="'t'"):
        show("${ total")


@pytest.mark.parametrize("head", ["---\nsubjct: x\n---\n", "---\nsubject: [\n---\n", "---\njust text\n---\n"])
def test_front_matter_that_is_not_right_is_refused(head):
    with pytest.raises(PermanentError) as error:
        show(head + "x")
    assert error.value.code == "bad_input"


def test_a_text_that_looks_like_a_mark_stays_itself():
    assert show("hubvalue0z ${ a }", a="x").text == "hubvalue0z x\n"


def test_markdown_as_plain_text():
    source = "# Title\n\nOne  \ntwo\n\n1. first\n2. second\n\n- a\n- b\n\n> quoted\n\n---\n\n    code\n\n~~old~~ *new* <https://a.example>"
    assert plain_markdown(source, "s").text == (
        "Title\n\nOne\ntwo\n\n1. first\n2. second\n\n- a\n- b\n\n> quoted\n\n--------------------\n\n    code\n\n"
        "old new https://a.example\n"
    )


def test_a_steps_own_text_is_not_a_template():
    assert "${ x }" in plain_markdown("Literally ${ x }", "s").text


SAMPLE = {
    "run": "run_1",
    "question": "Can you come?",
    "answers": [{"label": "Yes", "url": "https://h.example/y"}],
    "total": "10 €",
    "payment": "p_1",
    "order": {"order": "o_1"},
    "resource": "Course",
    "url": "https://h.example/u",
    "amount": "10 €",
    "purpose": "Lessons",
}


@pytest.mark.parametrize("path", sorted(BUILTIN_TEMPLATES.glob("*.md")), ids=lambda path: path.stem)
def test_every_built_in_template_renders(path):
    mail = render(parse_template(path.read_text(), path.stem), SAMPLE, path.stem)
    assert mail.subject.strip()
    assert "${" not in mail.subject + mail.text + mail.html
    assert "hubvalue" not in mail.text + mail.html
