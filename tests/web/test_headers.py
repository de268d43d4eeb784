import re

import pytest

from hub.web.app import create_app
from hub.web.headers import policy

from .conftest import Visitor


def directives(answer):
    parts = [part.strip().split(" ") for part in answer.headers["Content-Security-Policy"].split(";")]
    return {name: set(values) for name, *values in parts}


@pytest.mark.parametrize(
    "address", ["/", "/log-in", "/nothing-here", "/healthz", "/static/icon.svg", "/recipe-language"]
)
def test_every_answer_carries_the_policy(admin, address):
    answer = admin.get(address)
    policy = directives(answer)
    assert policy["default-src"] == {"'self'"}
    assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == {"'none'"}
    assert policy["form-action"] == {"'self'"}
    assert not {"'unsafe-inline'", "'unsafe-eval'", "*", "https:"} & (policy["script-src"] | policy["style-src"])
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["X-Frame-Options"] == "DENY"


def test_a_nonce_is_used_once(admin):
    first, second = admin.get("/"), admin.get("/")
    nonces = [re.search(r'<script nonce="([^"]+)"', answer.text)[1] for answer in (first, second)]
    assert nonces[0] != nonces[1]
    assert f"'nonce-{nonces[0]}'" in directives(first)["script-src"]


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/recipes",
        "/gallery",
        "/gallery/multi-vendor-shop",
        "/new-recipe",
        "/runs",
        "/events",
        "/send-event",
        "/connections",
        "/new-connection/mail",
        "/templates/receipt",
        "/settings",
        "/settings/users",
        "/me",
    ],
)
def test_no_page_has_what_the_policy_forbids(admin, address):
    page = admin.page(address)
    assert re.findall(r"<script(?![^>]*(?:nonce=|src=\"/static/))", page) == []
    assert re.findall(r"\son[a-z]+=\"", page) == []
    assert re.findall(r"\sstyle=\"", page) == []
    assert re.findall(r"(?:src|href)=\"(?:https?:)?//(?!127\.0\.0\.1)[^\"]*\.(?:js|css|woff2?)", page) == []


def test_pages_are_not_kept_by_caches_but_hashed_files_are(admin):
    assert admin.get("/").headers["Cache-Control"] == "no-store"
    script = re.search(r'src="(/static/dist/assets/app-[^"]+)"', admin.page("/"))[1]
    assert "immutable" in admin.get(script).headers["Cache-Control"]


def test_only_https_is_promised_for_https(open_hub, hub, admin):
    assert "Strict-Transport-Security" not in admin.get("/").headers
    hub.close()
    secure = Visitor(create_app(open_hub(public_url="https://hub.example.com")))
    answer = secure.get("/log-in", base_url="https://hub.example.com")
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_only_a_banks_challenge_opens_frames_and_forms_to_any_https_page():
    said = [policy("n", scripts_of=("https://pay.example",), any_bank=any_bank) for any_bank in (False, True)]
    closed, opened = (dict(part.partition(" ")[::2] for part in one.split("; ")) for one in said)
    changed = {name for name in closed if closed[name] != opened[name]}
    assert changed == {"frame-src", "form-action"}
    assert opened["frame-src"] == "'self' https://pay.example https:"
    assert opened["form-action"] == "'self' https://pay.example https:"
