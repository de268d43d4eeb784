import re

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # no stubs among the requirements

from hub.errors import ConfigError, DeliveryError, NotFoundError
from hub.jsontypes import Json, JsonSchema
from hub.money import EXPONENTS
from hub.vocabulary import (
    VOCABULARY,
    all_schemas,
    data_schema,
    describe,
    event_types,
    expand,
    nearest,
    samples,
    schema_of,
    shapes,
    validate_data,
)

# The table of the vocabulary: each type with the fields that it must have.
TABLE = {
    "payment.created .pending .authorized .succeeded .failed .expired .voided .returned .held .split "
    ".reserve_ended .settled": "payment amount",
    "refund.issued .failed .settled .requested .approved .refused .divided": "refund payment amount",
    "dispute.opened .closed": "dispute payment amount",
    "plan.created .updated .repriced .cancelled": "plan",
    "subscription.started .renewed .payment_failed .updated .paused .resumed .cancelled .ended .paid_again "
    ".not_given_back": "subscription plan",
    "escrow.held .frozen .released .settled .lapsing .lapsed .refund_closing .paid_again .not_given_back": "hold payment amount",
    "transfer.sent .failed .reversed": "transfer provider amount",
    "payout.paid .failed": "payout provider amount",
    "order.placed .paid .payment_returned .cancelled .paid_again .not_given_back": "order",
    "invoice.issued .paid .part_paid .overpaid .overdue .void": "invoice",
    "link.created .opened .paid .expired .cancelled": "link",
    "form.submitted": "form",
    "job.posted .offered .chosen .assigned .accepted .declined .unfilled .started .done .confirmed .disputed .released "
    ".cancelled .payment_returned .not_given_back": "job",
    "provider.registered .approved": "provider",
    "access.granted .extended .revoked .expired": "customer resource",
    "answer.given": "question answer",
    "schedule.tick": "",
    "hub.hold_lapsing .hold_refund_closing": "",
    "hub.connection_failing .run_failed .queue_growing .ledger_difference .webhook_silent .webhook_switched_off": "",
}
REQUIRED = {
    family.partition(".")[0] + "." + name: set(fields.split())
    for family, fields in TABLE.items()
    for name in re.findall(r"\.(\w+)", family)
}
OPTIONAL = {
    "payment.failed": "method customer metadata fee captured reason next lapses_at order invoice link subscription job gateway",
    "refund.issued": "total_refunded fee settled reason lines",
    "refund.settled": "fee settled",
    "dispute.closed": "reason due_at outcome",
    "plan.updated": "price interval changes",
    "plan.repriced": "price interval replaced",
    "subscription.renewed": "customer period amount payment attempt next_attempt_at cancel_at reason",
    "escrow.held": "mode lapses_at parts",
    "transfer.sent": "payment reason",
    "payout.failed": "reason",
    "order.placed": "lines total customer",
    "invoice.issued": "number lines total due customer url",
    "link.created": "amount purpose recipient url expires_at",
    "form.submitted": "values customer amount submission",
    "job.offered": "kind skills region date price customer provider offer reason",
    "provider.approved": "name email skills region",
    "access.granted": "until",
    "answer.given": "by",
    "schedule.tick": "schedule due_at",
}
DATA: dict[str, Json] = {"payment": "pay_1", "amount": {"minor": 1, "currency": "USD"}}


def test_every_type_of_the_table_is_there_and_no_other() -> None:
    assert set(event_types()) == REQUIRED.keys()


@pytest.mark.parametrize("name", REQUIRED)
def test_the_fields_that_every_event_of_a_type_has_are_required(name: str) -> None:
    assert set(data_schema(name)["required"]) == REQUIRED[name]  # type: ignore[arg-type]


@pytest.mark.parametrize("name", OPTIONAL)
def test_the_other_fields_of_the_table_are_known(name: str) -> None:
    assert set(OPTIONAL[name].split()) <= data_schema(name)["properties"].keys()  # type: ignore[union-attr]


@pytest.mark.parametrize("name", REQUIRED)
def test_samples_satisfy_their_schema_by_another_implementation_too(name: str) -> None:
    Draft202012Validator.check_schema(schema_of(name))
    validator = Draft202012Validator(schema_of(name), format_checker=Draft202012Validator.FORMAT_CHECKER)
    assert samples(name)
    for sample in samples(name):
        validator.validate(sample)
        assert sample["type"] == name
        validate_data(name, sample["data"])  # type: ignore[arg-type]


@pytest.mark.parametrize("name", REQUIRED)
def test_every_required_field_is_missed_when_it_is_missing(name: str) -> None:
    data = samples(name)[0]["data"]
    assert isinstance(data, dict)
    for field in REQUIRED[name]:
        with pytest.raises(DeliveryError, match=field):
            validate_data(name, {key: value for key, value in data.items() if key != field})


@pytest.mark.parametrize("name", REQUIRED)
def test_a_field_that_the_type_does_not_have_is_refused(name: str) -> None:
    data = samples(name)[0]["data"]
    assert isinstance(data, dict)
    with pytest.raises(DeliveryError, match="colour"):
        validate_data(name, {**data, "colour": "red"})


def test_metadata_values_and_the_gateway_s_extras_are_open() -> None:
    validate_data("payment.created", {**DATA, "metadata": {"any": "text"}, "gateway": {"extra": {"deep": [1]}}})
    validate_data("form.submitted", {"form": "f", "values": {"any": [1, {"thing": None}]}})


@pytest.mark.parametrize(
    ("data", "path", "words"),
    [
        ({**DATA, "amount": {"minor": 1.5, "currency": "USD"}}, "data.amount.minor", "integer"),
        ({**DATA, "amount": {"minor": 1, "currency": "usd"}}, "data.amount.currency", "match"),
        ({**DATA, "amount": 5}, "data.amount", "object"),
        ({**DATA, "metadata": {"a": 1}}, "data.metadata.a", "string"),
        ({**DATA, "lapses_at": "soon"}, "data.lapses_at", "date-time"),
        ({**DATA, "customer": {"address": {"zip": "1"}}}, "data.customer.address", "zip"),
        ([], "data", "object"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(data: object, path: str, words: str) -> None:
    with pytest.raises(DeliveryError) as refused:
        validate_data("payment.created", data)  # type: ignore[arg-type]
    assert refused.value.code == "bad_data"
    assert f"at {path}: " in refused.value.message
    assert words in refused.value.message


def test_a_refusal_never_shows_the_value() -> None:
    with pytest.raises(DeliveryError) as refused:
        validate_data("payment.created", {**DATA, "order": ["4242424242424242"]})
    assert "4242" not in str(refused.value)


def test_a_misspelt_type_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(DeliveryError, match=r"Is payment\.succeeded meant") as refused:
        validate_data("payment.suceeded", DATA)
    assert refused.value.code == "unknown_type"
    with pytest.raises(NotFoundError, match=r"Is payment\.succeeded meant"):
        schema_of("payment.suceeded")


@pytest.mark.parametrize("name", ["shipped", "Acme.Shipped", "acme.", ".x", "acme..x", "a.b\n", "acme." + "x" * 200])
def test_a_name_that_no_own_event_can_have_is_refused(name: str) -> None:
    with pytest.raises(NotFoundError):
        data_schema(name)
    with pytest.raises(DeliveryError):
        validate_data(name, {})
    assert expand(name) == []


def test_an_own_name_needs_no_schema_and_takes_any_object() -> None:
    validate_data("acme.shipped", {"any": ["thing"]})
    assert data_schema("acme.shipped") == {"type": "object"}
    assert samples("acme.shipped") == []
    assert describe("acme.shipped") == "acme.shipped"
    Draft202012Validator(schema_of("acme.shipped")).validate(
        {"id": "e", "type": "acme.shipped", "time": "2026-11-23T09:00:00Z", "connection": "api", "data": {"any": 1}}
    )
    with pytest.raises(DeliveryError, match="at data: "):
        validate_data("acme.shipped", [])  # type: ignore[arg-type]


def test_own_types_are_registered_in_a_new_vocabulary() -> None:
    schema: JsonSchema = {"title": "A parcel left", "type": "object", "required": ["parcel"]}
    vocabulary = VOCABULARY.with_types({"acme.shipped": schema})
    vocabulary.validate_data("acme.shipped", {"parcel": 1})
    with pytest.raises(DeliveryError, match="parcel"):
        vocabulary.validate_data("acme.shipped", {})
    assert vocabulary.describe("acme.shipped") == "A parcel left"
    assert vocabulary.expand("acme.*") == ["acme.shipped"]
    assert vocabulary.nearest("acme.shiped") == "acme.shipped"
    assert vocabulary.event_types() == [*event_types(), "acme.shipped"]
    assert "acme.shipped" not in event_types()
    assert vocabulary.with_types({"acme.lost": {}}).expand("acme.*") == ["acme.shipped", "acme.lost"]


@pytest.mark.parametrize("name", ["payment.mine", "hub.mine", "mine", "Acme.x"])
def test_an_own_type_cannot_take_a_name_of_the_hub_s_families(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be the name"):
        VOCABULARY.with_types({name: {}})


@pytest.mark.parametrize(
    "schema",
    [{"type": "thing"}, {"$ref": "http://127.0.0.1:9/schema"}, {"$ref": "file:///etc/hostname"}, {"pattern": "("}],
)
def test_a_schema_that_is_wrong_or_would_be_fetched_is_refused(schema: JsonSchema) -> None:
    with pytest.raises(ConfigError, match=r"The schema of acme\.shipped is not a JSON Schema"):
        VOCABULARY.with_types({"acme.shipped": schema})


def test_a_pattern_in_an_own_schema_cannot_hang_the_hub() -> None:
    schema: JsonSchema = {"properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}
    vocabulary = VOCABULARY.with_types({"acme.shipped": schema})
    with pytest.raises(DeliveryError):
        vocabulary.validate_data("acme.shipped", {"a": "a" * 50_000 + "b"})


def test_patterns_stand_for_the_types_of_a_family() -> None:
    assert expand("dispute.*") == ["dispute.opened", "dispute.closed"]
    assert expand("*") == event_types()
    assert expand("payment.failed") == ["payment.failed"]
    assert expand("payment.fail") == []
    assert expand("nothing.*") == []
    assert expand("acme.shipped") == ["acme.shipped"]


def test_the_nearest_name_is_offered() -> None:
    assert nearest("Payment.Suceeded") == "payment.succeeded"
    assert nearest("invoice.part-paid") == "invoice.part_paid"
    assert nearest("zzz") is None


def test_every_type_says_what_happened() -> None:
    for name in event_types():
        assert re.fullmatch(r"[A-Z].*[^.]", describe(name))


def test_one_document_holds_all_schemas_and_takes_every_sample() -> None:
    document = all_schemas()
    Draft202012Validator.check_schema(document)
    validator = Draft202012Validator(document)
    assert all(validator.is_valid(sample) for name in event_types() for sample in samples(name))
    assert not validator.is_valid({"type": "payment.succeeded"})


def test_the_envelope_is_closed_and_complete() -> None:
    schema = schema_of("payment.succeeded")
    assert set(schema["properties"]) == {"id", "type", "time", "connection", "data", "raw"}  # type: ignore[arg-type]
    assert schema["additionalProperties"] is False


def test_shapes_are_complete_in_themselves_and_valid() -> None:
    assert {"Money", "Customer", "Address", "Metadata", "Gateway", "Line", "Reference", "Time"} <= shapes().keys()
    for shape in shapes().values():
        Draft202012Validator.check_schema(shape)
        assert "$ref" not in repr(shape)


def test_the_money_shape_takes_every_currency_of_the_hub() -> None:
    validator = Draft202012Validator(shapes()["Money"])
    assert all(validator.is_valid({"minor": -1, "currency": code}) for code in EXPONENTS)
