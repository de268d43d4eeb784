import pytest

from hub.connect.conformance import check_connector
from hub.connect.manifest import Kind
from hub.connect.registry import Registry
from hub.connect.skeleton import new_connector
from hub.errors import ConfigError

REGISTRY = Registry.load()


@pytest.mark.parametrize("name", REGISTRY.names())
def test_every_connector_keeps_the_rules(name):
    findings = check_connector(REGISTRY.get(name).manifest.folder, f"connectors.{name}")
    assert not findings, "\n".join(map(str, findings))


@pytest.fixture
def gateway(tmp_path):
    return plant(tmp_path / "acme", "gateway")


def plant(folder, kind):
    for path, text in new_connector("acme", kind).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


@pytest.mark.parametrize("kind", list(Kind))
def test_a_new_connector_keeps_the_rules(tmp_path, kind):
    assert check_connector(plant(tmp_path / "acme", kind)) == []


@pytest.mark.parametrize("name", ["Acme", "a", "../x", "2checkout", "a-b"])
def test_a_name_that_cannot_be_one_is_refused(name):
    with pytest.raises(ConfigError, match="cannot be a connector's name"):
        new_connector(name, "crm")


def test_an_unknown_kind_is_refused():
    with pytest.raises(ConfigError, match="no kind 'bank'"):
        new_connector("acme", "bank")


@pytest.mark.parametrize(
    ("file", "before", "after", "rule"),
    [
        ("connector.yaml", "docs: https://", "docs: http://", "links"),
        ("connector.yaml", "{webhook_url}", "the address", "setup"),
        ("connector.yaml", "API key, type: string, secret: true", "API key, type: string", "secrets"),
        ("connector.yaml", "  payout: {status: none", "  x-payout: {status: none", "manifest"),
        ("connector.yaml", "  refund: {status: none", "  refund: {status: native", "capabilities"),
        ("connector.yaml", "  single_payment: {status: native}", "", "capabilities"),
        (
            "connector.yaml",
            "  single_payment: {status: native}",
            "  single_payment: {status: none, reason: It is none.}",
            "capabilities",
        ),
        ("connector.yaml", '  request:\n    idempotent: "no"', "", "actions"),
        (
            "connector.yaml",
            "  payment.get:\n    idempotent: nature",
            "  payment.get:\n    idempotent: lookup",
            "actions",
        ),
        ("connector.yaml", "${ answer.url }", "${ answer.url[ }", "actions"),
        ("connector.yaml", "invalid_key: unauthorised", "invalid_key: not_a_code", "actions"),
        ("connector.yaml", "token: api_key", "token: api_kee", "actions"),
        ("connector.yaml", "  secret: webhook_secret\n", "  secret: api_base\n", "webhook"),
        ("connector.yaml", "  dedupe: raw.id\n", "", "webhook"),
        ("connector.yaml", "scheme: hmac", "scheme: code", "webhook"),
        ("connector.yaml", "\nevents:\n", "\nenrich: [nothing]\n\nevents:\n", "enrich"),
        ("connector.yaml", "raw: payment.paid\n    type", "raw: payment.payed\n    type", "samples"),
        ("connector.yaml", "      payment: ${ raw.payment.id }\n", "", "samples"),
        ("connector.yaml", "gives: [payment.succeeded]", "gives: [payment.failed]", "samples"),
        ("samples/payment.paid.json", '"amount": 1999', '"amount": 19.99', "samples"),
        ("samples/payment.paid.json", '"evt_1"', '"sk_live_abcdef"', "secrets"),
        ("samples/payment.paid.json", '"evt_1"', '"4111 1111 1111 1111"', "secrets"),
        ("README.md", "## Quirks", "## Oddities", "readme"),
        ("connector.py", "from hub.connect.answers", "from hub.connect.nowhere", "code"),
        ("connector.py", '{"request"', '{"send"', "actions"),
    ],
)
def test_each_broken_rule_is_found(gateway, file, before, after, rule):
    text = (gateway / file).read_text()
    assert before in text
    (gateway / file).write_text(text.replace(before, after))
    assert rule in {finding.rule for finding in check_connector(gateway)}


def test_a_sample_that_nobody_lists_is_found(gateway):
    (gateway / "samples" / "other.json").write_text("{}")
    assert [finding.place for finding in check_connector(gateway)] == ["samples/other.json"]


def test_a_finding_reads_as_a_sentence_with_its_place(gateway):
    (gateway / "README.md").unlink()
    assert str(check_connector(gateway)[0]).startswith("README.md: It is missing. Write it: Set-up, ")
