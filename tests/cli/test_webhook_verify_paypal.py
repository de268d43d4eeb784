"""PayPal's official vectors by the command, whose certificate is given to it in a file."""

import json
from datetime import datetime, timedelta

import pytest
from click.testing import CliRunner

from hub.cli import hub_command
from tests.connectors.paypal.test_webhooks import CERTIFICATE, OFFICIAL_URL, VECTORS, official


def verdict(folder, name, *, body=None, webhook_id=None, without=(), seconds=3, doubled=()):
    """What the command says of a vector, changed or not: ``taken``, or the code of the refusal."""
    given = official(name)
    headers = {key: text for key, text in given["headers"].items() if key not in without}
    headers |= {key: f"{headers[key]}, {headers[key]}" for key in doubled}
    lines = ["POST /hooks/paypal-main HTTP/1.1", *(f"{key}: {text}" for key, text in headers.items())]
    (folder / "request.http").write_bytes("\r\n".join(lines).encode() + b"\r\n\r\n" + (body or given["body"]))
    (folder / "fields.yaml").write_text(f"mode: test\nwebhook_id: {webhook_id or given['webhook_id']}\n")
    (folder / "cert.pem").write_bytes(CERTIFICATE)
    at = datetime.fromisoformat(VECTORS[name][1]) + timedelta(seconds=seconds)
    command = ["webhook", "verify", "paypal", str(folder / "request.http"), "--config", str(folder / "fields.yaml")]
    command += ["--at", at.isoformat(), "--fetch", f"{OFFICIAL_URL}={folder / 'cert.pem'}"]
    result = CliRunner().invoke(hub_command, command)
    said = json.loads(result.stdout)
    assert result.exit_code == (0 if said["accepted"] else 1)
    return "taken" if said["accepted"] else said["code"]


@pytest.mark.parametrize("name", VECTORS)
def test_an_official_vector_is_taken_and_every_change_of_it_refused(name, tmp_path):
    body = VECTORS[name][4]
    assert verdict(tmp_path, name) == "taken"
    assert verdict(tmp_path, name, body=body.replace(b"20.00", b"21.00")) == "bad_signature"
    assert verdict(tmp_path, name, body=json.dumps(json.loads(body)).encode()) == "bad_signature"
    assert verdict(tmp_path, name, webhook_id="OTHER") == "bad_signature"
    assert verdict(tmp_path, name, seconds=30 * 86_400) == "stale"
    signature = "paypal-transmission-sig"
    assert verdict(tmp_path, name, without=[signature]) == "no_signature"
    assert verdict(tmp_path, name, doubled=[signature]) != "taken"
