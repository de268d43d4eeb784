from hub.web.app import create_app

from .conftest import PASSWORD, Visitor


def cookie_of(visitor, name="hub_session"):
    return visitor.client.get_cookie(name)


def test_a_session_gets_a_new_identity_at_log_in(visitor):
    visitor.page("/log-in")
    before = cookie_of(visitor).value
    visitor.log_in("viewer@example.com")
    with visitor.client.session_transaction() as first:
        identity = first["id"]
    assert cookie_of(visitor).value != before
    visitor.post("/log-out")
    visitor.log_in("viewer@example.com")
    with visitor.client.session_transaction() as second:
        assert second["id"] != identity


def test_a_copied_cookie_opens_nothing_after_log_out(app, people):
    viewer, thief = people["viewer"], Visitor(app)
    thief.client.set_cookie("hub_session", cookie_of(viewer).value)
    assert thief.get("/runs").status_code == 200
    viewer.post("/log-out")
    assert thief.get("/runs").status_code == 303


def test_logging_out_on_one_device_leaves_the_other_logged_in(app, people):
    other = Visitor(app)
    other.log_in("viewer@example.com")
    people["viewer"].post("/log-out")
    assert other.get("/runs").status_code == 200


def test_a_session_ends_after_its_hours_however_busy(clock, people):
    for _ in range(3):
        clock.forward(hours=3, minutes=50)
        assert people["viewer"].get("/runs").status_code == 200
    clock.forward(minutes=40)
    assert people["viewer"].get("/runs").status_code == 303


def test_a_changed_password_ends_all_other_sessions(app, people):
    other = Visitor(app)
    other.log_in("viewer@example.com")
    done = people["viewer"].post("/me/password", current=PASSWORD, password="an entirely new sentence")
    assert done.status_code == 303
    assert people["viewer"].get("/runs").status_code == 200
    assert other.get("/runs").status_code == 303
    assert other.log_in("viewer@example.com").status_code == 401
    assert other.log_in("viewer@example.com", "an entirely new sentence").status_code == 303


def test_who_is_locked_out_is_out_at_once(hub, people):
    hub.store.update_user(hub.store.user(email="viewer@example.com").id, disabled=True)
    assert people["viewer"].get("/runs").status_code == 303
    assert people["viewer"].log_in("viewer@example.com").status_code == 401


def test_the_cookie_is_for_the_hub_alone(people):
    cookie = cookie_of(people["viewer"])
    assert cookie.http_only
    assert cookie.same_site == "Lax"
    assert not cookie.secure


def test_under_https_the_cookie_travels_only_encrypted(open_hub, clock):
    hub = open_hub(public_url="https://hub.example.com")
    visitor = Visitor(create_app(hub))
    answer = visitor.get("/log-in", base_url="https://hub.example.com")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-hub=")
    assert "Secure" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie


def test_a_session_survives_a_new_key(hub, people, tmp_path):
    from hub.secrets import Keyring, add_key

    value = cookie_of(people["viewer"]).value
    add_key(tmp_path / "workspace")
    hub.keyring = Keyring.load(tmp_path / "workspace")
    restarted = Visitor(create_app(hub))
    restarted.client.set_cookie("hub_session", value)
    assert restarted.get("/runs").status_code == 200


def test_a_forged_cookie_is_nobody(visitor):
    visitor.client.set_cookie("hub_session", "eyJ1c2VyIjoiYWRtaW4ifQ.aaaa.bbbb")
    assert visitor.get("/runs").status_code == 303
