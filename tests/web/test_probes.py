from hub.errors import UnavailableError

AWAY = {"REMOTE_ADDR": "203.0.113.7"}


def test_alive_and_ready(visitor):
    assert visitor.get("/healthz").text == "ok\n"
    assert visitor.get("/readyz").text == "ready\n"


def test_not_ready_without_its_database(hub, visitor, monkeypatch):
    def gone():
        raise UnavailableError("gone")

    monkeypatch.setattr(hub.database, "read", gone)
    assert visitor.get("/readyz").status_code == 503
    assert visitor.get("/healthz").status_code == 200


def test_metrics_are_for_this_machine_or_the_token(app, visitor):
    from hub.web.pages.probes import metrics_token

    with app.test_request_context():
        token = metrics_token()
    assert "hub_events_accepted" in visitor.get("/metrics").text
    assert visitor.get("/metrics", environ_overrides=AWAY).status_code == 403
    assert visitor.get("/metrics", headers={"X-Forwarded-For": "203.0.113.7"}).status_code == 403
    wrong = {"Authorization": "Bearer nonsense"}
    assert visitor.get("/metrics", environ_overrides=AWAY, headers=wrong).status_code == 403
    right = {"Authorization": f"Bearer {token}"}
    assert visitor.get("/metrics", environ_overrides=AWAY, headers=right).status_code == 200
