import textwrap

import pytest

from hub.connect.documents import parse_yaml
from hub.connect.manifest import CAPABILITIES, Idempotency, Support, gateway_actions, load_manifest, manifest_schema
from hub.connect.schemas import CompiledSchema, resolve_shapes
from hub.errors import ConfigError

MANIFEST = """
connector: 1
name: acme
title: Acme
kind: gateway
summary: A gateway that exists in tests only.
connection:
  required: [key]
  properties:
    mode: {title: Mode, enum: [test, live], default: test, order: 2}
    key: {title: Key, type: string, secret: true, order: 1, group: Sign in}
capabilities:
  payout: {status: none, reason: Acme cannot pay out to anybody.}
  refund: {status: native, limits: {days: 180}}
actions:
  payment.refund:
    idempotent: no
    errors: [rate_limited]
    options: {type: object, properties: {instant: {type: boolean}}}
  ping:
    title: Ping
    description: Says hello.
    idempotent: nature
    inline: true
    input: {type: object, additionalProperties: false, properties: {amount: {$ref: Money}}}
    output: {type: object}
"""


@pytest.fixture
def write(tmp_path):
    def write(text):
        folder = tmp_path / "acme"
        folder.mkdir(exist_ok=True)
        (folder / "connector.yaml").write_text(textwrap.dedent(text))
        return folder

    return write


def test_secret_fields_are_kept_out_of_the_settings_schema(write):
    manifest = load_manifest(write(MANIFEST))
    assert manifest.secret_names == ("key",)
    assert [field.name for field in manifest.fields] == ["key", "mode"]
    assert manifest.fields[0].required
    assert manifest.fields[0].group == "Sign in"
    settings = CompiledSchema(manifest.settings)
    assert settings.accepts({"mode": "live"})
    assert not settings.accepts({"key": "sk"})


def test_a_shared_gateway_action_brings_its_schemas_and_takes_own_extras_as_options(write):
    spec = load_manifest(write(MANIFEST)).actions["payment.refund"]
    assert spec.title == "Refund a payment"
    assert spec.capability == "refund"
    assert spec.idempotent is Idempotency.NO
    assert spec.errors[-1] == "rate_limited"
    taken = CompiledSchema(spec.input)
    assert taken.accepts({"payment": "p_1", "amount": {"minor": 5, "currency": "EUR"}, "options": {"instant": True}})
    assert not taken.accepts({"payment": "p_1", "amount": 5})
    assert not taken.accepts({"payment": "p_1", "options": {"instant": "yes"}})


def test_an_action_of_its_own_may_name_the_shapes_of_the_vocabulary(write):
    spec = load_manifest(write(MANIFEST)).actions["ping"]
    assert spec.inline
    assert CompiledSchema(spec.input).accepts({"amount": {"minor": 1, "currency": "JPY"}})
    assert not CompiledSchema(spec.input).accepts({"amount": {"minor": 1.5, "currency": "JPY"}})


def test_capabilities_say_status_reason_and_limits(write):
    capabilities = load_manifest(write(MANIFEST)).capabilities
    assert capabilities["payout"].status is Support.NONE
    assert capabilities["payout"].reason == "Acme cannot pay out to anybody."
    assert capabilities["refund"].limits == {"days": 180}


def paying_to(text):
    """The manifest with a payout whose destination is described so."""
    return MANIFEST.replace(
        "{status: none, reason: Acme cannot pay out to anybody.}", f"{{status: native, limits: {{to: {text}}}}}"
    )


def test_a_payout_says_what_its_destination_must_have(write):
    told = (
        "{required: [card], properties: {card: {title: Card, type: string}, address.city: {title: City, type: string}}}"
    )
    to = load_manifest(write(paying_to(told))).capabilities["payout"].limits["to"]
    assert list(to["properties"]) == ["card", "address.city"]


@pytest.mark.parametrize(
    "told",
    [
        "card",
        "{properties: {card: {title: Card, type: string}}}",
        "{required: [], properties: {card: {title: Card, type: string}}}",
        "{required: [card], properties: {}}",
        "{required: [card], properties: {card: {type: string}}}",
        "{required: [card], properties: {card: {title: Card, type: integer}}}",
        "{required: [card], properties: {card: {title: Card, type: string, enum: [a]}}}",
        "{required: [card], properties: {card..id: {title: Card, type: string}}}",
        "{required: [card], properties: {card: {title: Card, type: string, maxLength: 0}}}",
    ],
)
def test_a_destination_that_no_page_can_ask_for_is_refused(write, told):
    with pytest.raises(ConfigError, match=r"capabilities\.payout\.limits\.to"):
        load_manifest(write(paying_to(told)))


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("kind: gateway", "kind: bank", "kind"),
        ("name: acme", "name: other", "must be the folder's name"),
        ("{status: none, reason: Acme cannot pay out to anybody.}", "{status: none}", "capabilities.payout"),
        ("$ref: Money", "$ref: Monney", "no shape 'Monney'"),
        ("required: [key]", "required: [keys]", "no field 'keys'"),
        ("title: Ping\n", "output2: 1\n", "actions.ping"),
        ("    description: Says hello.\n", "", "actions.ping: description is missing"),
        ("    idempotent: no\n", "    idempotent: no\n    input: {}\n", "all gateways share"),
        ("idempotent: nature", "idempotent: nature\n    options: {}", "shared gateway actions only"),
        ("title: Acme", "title: Acme\ncolour: red", "colour"),
    ],
)
def test_a_broken_manifest_is_refused_with_the_place(write, before, after, says):
    assert before in MANIFEST
    with pytest.raises(ConfigError) as refusal:
        load_manifest(write(MANIFEST.replace(before, after)))
    assert says in refusal.value.message
    assert "connector.yaml" in refusal.value.message


def test_every_shared_action_has_schemas_that_compile_and_a_known_capability():
    for name, action in gateway_actions().items():
        assert action["capability"] in CAPABILITIES, name
        for side in ("input", "output"):
            schema = resolve_shapes(action[side])
            CompiledSchema(schema)
            assert schema["type"] == "object", name
        assert action["input"]["additionalProperties"] is False, name


def test_statuses_in_the_shared_outputs_are_those_of_the_list():
    import hub.connect.manifest as module

    path = module.Path(module.__file__).parent / "gateway_actions.yaml"
    document = parse_yaml(path.read_text(), "gateway_actions.yaml")
    for kind, statuses in document["statuses"].items():
        name = {"payment": "payment.get", "link": "link.create", "plan": "plan.create"}.get(kind, "")
        name = name or {"refund": "payment.refund", "subscription": "subscription.create"}.get(kind, f"{kind}.create")
        name = "dispute.answer" if kind == "dispute" else name
        assert document["actions"][name]["output"]["properties"]["status"]["enum"] == statuses


def test_the_manifest_schema_is_a_schema():
    assert manifest_schema()["title"] == "connector.yaml"
