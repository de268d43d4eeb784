import base64
import hashlib
import hmac
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import parse_qsl

import pytest
import responses
from responses import matchers

from hub.connect.auth import ClientCredentials, NoAuth, Token, TokenCache, Unsigned, auth_of, read_token, send
from hub.errors import ConfigError, PermanentError, TransientError

API = "https://api.example/v1/items"
TOKEN_URL = "https://login.example/token"


def form_of(expected):
    """Matches a request whose body is this form."""
    return lambda request: (dict(parse_qsl(request.body.decode())) == expected, f"{request.body} is another form")


@pytest.fixture
def now(make_call, make_connection):
    return make_call(make_connection()).now


@pytest.fixture
def http(outbound, make_connection):
    return outbound.client(make_connection())


def headers_of(entry, connection, now, http=None, body=b'{"a":1}'):
    return dict(
        auth_of(entry, connection, http).headers(Unsigned("POST", "https://api.example/v1/items?x=1", body, now))
    )


def test_basic(make_connection, now):
    connection = make_connection({"user": "ada"}, password="pä:ss")
    expected = base64.b64encode("ada:pä:ss".encode()).decode()
    entry = {"type": "basic", "user": "user", "password": "password"}
    assert headers_of(entry, connection, now) == {"Authorization": f"Basic {expected}"}


def test_bearer_and_a_key_in_a_header(make_connection, now):
    connection = make_connection(key="k1")
    assert headers_of({"type": "bearer", "token": "key"}, connection, now) == {"Authorization": "Bearer k1"}
    entry = {"type": "header", "header": "X-Key", "prefix": "Key ", "token": "key"}
    assert headers_of(entry, connection, now) == {"X-Key": "Key k1"}


def test_hmac_over_the_parts_that_the_scheme_names(make_connection, now):
    entry = {
        "type": "hmac",
        "secret": "key",
        "header": "X-Sig",
        "prefix": "v1=",
        "signed": "{method}\n{path}?{query}\n{timestamp}\n{body}",
        "timestamp_header": "X-Time",
    }
    stamp = str(int(now.timestamp()))
    message = f'POST\n/v1/items?x=1\n{stamp}\n{{"a":1}}'.encode()
    expected = "v1=" + hmac.new(b"shh", message, hashlib.sha256).hexdigest()
    assert headers_of(entry, make_connection(key="shh"), now) == {"X-Sig": expected, "X-Time": stamp}


def test_a_field_that_was_never_filled_in_is_named(make_connection, now):
    with pytest.raises(ConfigError, match="no 'key'"):
        headers_of({"type": "bearer", "token": "key"}, make_connection(), now)


def test_no_credentials(make_connection, now):
    assert headers_of({"type": "none"}, make_connection(), now) == {}


OAUTH = {
    "type": "oauth2",
    "token_url": "${ connection.login }/token",
    "client_id": "client_id",
    "client_secret": "client_secret",
    "scope": "read",
}


@pytest.fixture
def oauth(make_connection, http, now, request):
    settings = {"login": "https://login.example", "client_id": "id:1"}
    connection = make_connection(settings, name=request.node.name, client_secret="s&1")
    auth = auth_of(OAUTH, connection, http)
    assert isinstance(auth, ClientCredentials)
    return auth


@responses.activate
def test_a_token_is_fetched_once_and_shared(oauth, http, now):
    fetched = responses.post(
        TOKEN_URL,
        json={"access_token": "t1", "expires_in": 3600},
        match=[
            form_of({"grant_type": "client_credentials", "scope": "read"}),
            matchers.header_matcher({"Authorization": "Basic " + base64.b64encode(b"id%3A1:s%261").decode()}),
        ],
    )
    responses.get(API, match=[matchers.header_matcher({"Authorization": "Bearer t1"})])
    for _ in range(3):
        assert send(http, oauth, "GET", API, now=now).status == 200
    assert fetched.call_count == 1


@responses.activate
def test_credentials_may_travel_in_the_body(make_connection, http, now):
    connection = make_connection({"login": "https://login.example", "client_id": "id"}, name="body", client_secret="s")
    responses.post(
        TOKEN_URL,
        json={"access_token": "t"},
        match=[form_of({"grant_type": "client_credentials", "client_id": "id", "client_secret": "s", "scope": "read"})],
    )
    assert headers_of({**OAUTH, "client_auth": "body"}, connection, now, http) == {"Authorization": "Bearer t"}


@responses.activate
def test_a_token_is_renewed_shortly_before_it_ends(oauth, http, now):
    responses.post(TOKEN_URL, json={"access_token": "t1", "expires_in": 3600})
    responses.post(TOKEN_URL, json={"access_token": "t2", "expires_in": 3600})
    responses.get(API)
    for moment in (now, now + timedelta(seconds=3539), now + timedelta(seconds=3541)):
        send(http, oauth, "GET", API, now=moment)
    used = [call.request.headers["Authorization"] for call in responses.calls if call.request.url == API]
    assert used == ["Bearer t1", "Bearer t1", "Bearer t2"]


@responses.activate
def test_a_refused_token_is_renewed_once(oauth, http, now):
    responses.post(TOKEN_URL, json={"access_token": "t1", "expires_in": 3600})
    responses.post(TOKEN_URL, json={"access_token": "t2", "expires_in": 3600})
    responses.post(API, status=401, match=[matchers.header_matcher({"Authorization": "Bearer t1"})])
    responses.post(API, match=[matchers.header_matcher({"Authorization": "Bearer t2"})])
    assert send(http, oauth, "POST", API, now=now, json={"a": 1}).status == 200


@responses.activate
def test_a_second_401_is_the_answer(oauth, http, now):
    responses.post(TOKEN_URL, json={"access_token": "t", "expires_in": 3600})
    refused = responses.get(API, status=401)
    assert send(http, oauth, "GET", API, now=now).status == 401
    assert refused.call_count == 2


@responses.activate
def test_a_fixed_key_that_is_refused_is_not_tried_again(http, now):
    refused = responses.get(API, status=401)
    assert send(http, NoAuth(), "GET", API, now=now).status == 401
    assert refused.call_count == 1


@responses.activate
def test_wrong_client_credentials_are_said_so(oauth, http, now):
    responses.post(TOKEN_URL, status=401, json={"error": "invalid_client", "error_description": "No such client"})
    with pytest.raises(PermanentError, match="No such client") as error:
        send(http, oauth, "GET", API, now=now)
    assert error.value.code == "unauthorised"


@pytest.mark.parametrize("answer", [{}, {"access_token": ""}, {"access_token": 5}, [], None])
def test_an_answer_without_a_token_is_refused(answer, now):
    with pytest.raises(TransientError) as error:
        read_token(answer, now)
    assert error.value.code == "bad_answer"


@pytest.mark.parametrize(("given", "seconds"), [(3600, 3540), ("3600", 3540), (60, 30), (None, 540)])
def test_how_long_a_token_is_used(given, seconds, now):
    assert read_token({"access_token": "t", "expires_in": given}, now).renew_at == now + timedelta(seconds=seconds)


def test_many_threads_that_need_a_token_fetch_one(now):
    cache = TokenCache()
    started = threading.Barrier(8)
    fetched = []

    def fetch():
        fetched.append(1)
        return Token("t", now + timedelta(hours=1))

    def get():
        started.wait(10)
        return cache.get("k", now, fetch)

    with ThreadPoolExecutor(8) as pool:
        assert [future.result() for future in [pool.submit(get) for _ in range(8)]] == ["t"] * 8
    assert len(fetched) == 1


def test_a_fetch_that_fails_leaves_the_next_one_free(now):
    cache = TokenCache()

    def fail():
        raise TransientError("down")

    with pytest.raises(TransientError):
        cache.get("k", now, fail)
    assert cache.get("k", now, lambda: Token("t", now + timedelta(hours=1))) == "t"


def test_dropping_an_old_token_keeps_the_one_that_replaced_it(now):
    cache = TokenCache()
    cache.get("k", now, lambda: Token("new", now + timedelta(hours=1)))
    cache.drop("k", "old")
    assert cache.get("k", now, lambda: Token("other", now + timedelta(hours=1))) == "new"
