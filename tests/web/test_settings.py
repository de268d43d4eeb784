import re

import pytest

from hub.secrets import new_key

from .conftest import Visitor


def identity(hub, role):
    return hub.store.user(email=f"{role}@example.com").id


def test_somebody_is_added_with_a_password_that_is_shown_once(app, hub, admin):
    answer = admin.post("/settings/users", email="Grace@Example.com", name="Grace", role="editor")
    password = re.search(r"<code>([0-9a-f-]{27})</code>", answer.text)[1]
    assert hub.store.user(email="grace@example.com").role == "editor"
    assert password not in admin.page("/settings/users")
    assert Visitor(app).log_in("grace@example.com", password).status_code == 303


@pytest.mark.parametrize(
    ("email", "role", "status"),
    [("nonsense", "viewer", 422), ("viewer@example.com", "viewer", 422), ("new@example.com", "god", 422)],
)
def test_a_wrong_addition_is_refused(hub, admin, email, role, status):
    before = len(hub.store.users())
    assert admin.post("/settings/users", email=email, role=role).status_code == status
    assert len(hub.store.users()) == before


def test_a_role_is_changed(hub, admin):
    admin.post(f"/settings/users/{identity(hub, 'viewer')}", do="role", role="editor")
    assert hub.store.user(email="viewer@example.com").role == "editor"
    assert hub.store.audit_trail()[0]["detail"] == {"from": "viewer", "to": "editor"}


def test_a_new_password_ends_the_persons_sessions(app, hub, admin):
    viewer = Visitor(app)
    viewer.log_in("viewer@example.com")
    answer = admin.post(f"/settings/users/{identity(hub, 'viewer')}", do="password")
    password = re.search(r"<code>([0-9a-f-]{27})</code>", answer.text)[1]
    assert viewer.get("/runs").status_code == 303
    assert viewer.log_in("viewer@example.com", password).status_code == 303


def test_somebody_is_locked_out_and_let_in_again(app, hub, admin):
    person = identity(hub, "viewer")
    admin.post(f"/settings/users/{person}", do="disable")
    assert Visitor(app).log_in("viewer@example.com").status_code == 401
    admin.post(f"/settings/users/{person}", do="enable")
    assert Visitor(app).log_in("viewer@example.com").status_code == 303


@pytest.mark.parametrize("fields", [{"do": "role", "role": "viewer"}, {"do": "disable"}])
def test_nobody_locks_himself_out(hub, admin, fields):
    assert admin.post(f"/settings/users/{identity(hub, 'admin')}", **fields).status_code == 409
    assert hub.store.user(email="admin@example.com").role == "admin"
    assert not hub.store.user(email="admin@example.com").disabled


def test_who_does_not_exist_cannot_be_changed(admin):
    assert admin.post("/settings/users/usr_none", do="disable").status_code == 404


def test_health_shows_what_the_doctor_finds(hub, admin):
    page = admin.page("/settings")
    assert "Public address" in page
    assert all(one.title in page for one in hub.doctor())


def test_the_audit_trail_is_shown_to_admins(people):
    assert "log_in" in people["admin"].page("/settings/audit")
    assert people["editor"].get("/settings/audit").status_code == 403


def test_the_metrics_token_is_shown_to_admins_alone(people):
    assert "Bearer" in people["admin"].page("/settings")
    assert "Bearer" not in people["viewer"].page("/settings")


def test_backup_is_explained(admin, monkeypatch):
    page = admin.page("/settings/backup")
    assert "hub backup" in page
    assert "the backup holds them" in page
    monkeypatch.setenv("HUB_SECRET_KEYS", new_key())
    assert "the backup does not hold them" in admin.page("/settings/backup")
