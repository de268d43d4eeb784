"""Where gateways send payouts: what manifests ask for, what is kept, and what is wrong with it."""

import pytest

from hub.bank_accounts import PARTS, BankAccount
from hub.connect.manifest import Support
from hub.connect.registry import Registry
from hub.payments.destinations import (
    CARD_NUMBER,
    LONGEST,
    GatewayAccount,
    bank_destination,
    destination_fields,
    destination_of,
    destination_problems,
)
from hub.payments.payouts import account_at
from tests.payments.test_payouts import reasons

CARD = "4111 1111 1111 1111"
NIGERIA = {
    "country": "NGA",
    "beneficiary.consumer.name.firstName": "Ada",
    "beneficiary.consumer.name.lastName": "Lovelace",
}


@pytest.fixture(scope="module")
def manifests():
    return {one.name: one for one in Registry.load().manifests()}


def test_each_gateway_that_pays_out_says_what_it_needs(manifests):
    asking = {name for name, one in manifests.items() if destination_fields(one)}
    assert asking == {"mastercard", "moneygram", "razorpay", "visa"}
    paying = {
        name
        for name, one in manifests.items()
        if (cell := one.capabilities.get("payout")) and cell.status is Support.NATIVE
    }
    assert paying - asking == {"paypal", "sandbox", "stripe"}, "an account's reference is enough"
    for name in asking:
        fields = destination_fields(manifests[name])
        schema = manifests[name].capabilities["payout"].limits["to"]
        assert {one.name for one in fields if one.required} == set(schema["required"]), name
        assert {one.longest for one in fields} <= set(range(1, LONGEST + 1))


@pytest.mark.parametrize(
    "kept", ["", "acct_ada", {"to": {"card": "T1"}}, {"account": "acc_1", "to": {"fund_account": "fa_1"}}]
)
def test_what_is_kept_is_read_as_it_was_written(kept):
    assert GatewayAccount.of(kept).to_json() == kept


@pytest.mark.parametrize(
    ("gateway", "typed", "wrong"),
    [
        ("visa", {"card": "TOKEN1"}, {}),
        ("visa", {"card": "TOKEN1/INSTRUMENT2", "address.country": "US"}, {}),
        ("visa", {"first_name": "Ada", "address.country": "USA"}, {"card": "Without it", "address.country": "This does not fit. Two"}),
        ("visa", {"card": "4111111111111111"}, {"card": CARD_NUMBER}),
        ("visa", {"card": "TOKEN1", "last_name": f"Lovelace {CARD}"}, {"last_name": CARD_NUMBER}),
        ("visa", {"card": "TOKEN1", "phone": "1" * 20}, {}),
        ("moneygram", {**NIGERIA, "service": "W" * 30}, {}),
        ("visa", {"card": "TOKEN1", "phone": "1" * 21}, {"phone": "At most 20 characters"}),
        ("visa", {"card": "TOKEN1", "iban": "DE"}, {"iban": "This gateway has no such field."}),
        ("mastercard", {"account": "acct-ref:1"}, {}),
        ("mastercard", {"account": "iban:DE89370400440532013000", "address.country": "DEU"}, {}),
        ("mastercard", {"account": "1234"}, {"account": "This does not fit. As Mastercard Send"}),
        ("mastercard", {"account": "pan:1234;exp=2028-01"}, {"account": "This does not fit."}),
        ("mastercard", {"account": "PAN:1234"}, {"account": "This does not fit."}),
        ("mastercard", {"account": "acct-ref:5555555555554444"}, {"account": CARD_NUMBER}),
        ("razorpay", {"fund_account": "fa_1"}, {}),
        ("razorpay", {"fund_account": "acc_1"}, {"fund_account": "This does not fit. Of RazorpayX"}),
        ("moneygram", NIGERIA, {}),
        ("moneygram", {**NIGERIA, "country": "NG"}, {"country": "This does not fit. Three capital letters"}),
        ("moneygram", {"country": "NGA"}, dict.fromkeys(list(NIGERIA)[1:], "Without it")),
    ],
)  # fmt: skip
def test_all_that_is_wrong_is_said_by_field(manifests, gateway, typed, wrong):
    found = destination_problems(manifests[gateway], typed)
    assert found.keys() == wrong.keys()
    assert all(found[name].startswith(said) for name, said in wrong.items()), found


def test_a_destination_is_sent_with_its_members(manifests):
    account = GatewayAccount("", {**NIGERIA, "account.accountNumber": "0123"})
    assert destination_of(manifests["moneygram"], "mg", account) == {
        "country": "NGA",
        "beneficiary": {"consumer": {"name": {"firstName": "Ada", "lastName": "Lovelace"}}},
        "account": {"accountNumber": "0123"},
    }


def test_a_text_from_before_stands_for_the_only_field_that_it_fits(manifests):
    razorpay = manifests["razorpay"]
    assert destination_of(razorpay, "rzp", GatewayAccount("fa_1")) == {"fund_account": "fa_1"}
    none = "The provider has no destination for payouts at rzp."
    assert destination_of(razorpay, "rzp", GatewayAccount("acc_1")) == none
    assert destination_of(razorpay, "rzp", GatewayAccount()) == none
    assert destination_of(razorpay, "rzp", GatewayAccount("fa_1", {"fund_account": "fa_2"})) == {"fund_account": "fa_2"}
    assert "no destination" in destination_of(manifests["moneygram"], "mg", GatewayAccount("NGA"))


def test_a_destination_that_fits_no_more_is_named_with_what_is_wrong(manifests):
    said = destination_of(manifests["razorpay"], "rzp", GatewayAccount("acc_1", {"fund_account": "gone"}))
    assert said.startswith("The provider's destination at rzp is not right. Fund account: This does not fit.")
    said = destination_of(manifests["razorpay"], "rzp", GatewayAccount("", {"card": "TOKEN1"}))
    assert said.startswith("The provider's destination at rzp is not right. card: This gateway has no such field.")


def test_shares_are_passed_on_to_the_reference_alone(quick):
    quick.provider("prv_ada", account={"account": "acct_ada", "to": {"card": "TOKEN1"}})
    quick.provider("prv_bob", account={"to": {"card": "TOKEN2"}})
    office = quick.hub.office("look")
    known = [
        office.change(lambda book, one=one: account_at(book, one, "sandbox"))
        for one in ("prv_ada", "prv_bob", "prv_no")
    ]
    assert known == ["acct_ada", None, None]
    quick.owe("prv_bob", 5_000)
    assert reasons(quick.act("pay_due", {"connection": "sandbox"}, "pay")) == {
        "prv_bob": "The provider has no account at sandbox."
    }


def test_a_manifest_names_parts_that_its_kind_of_account_has(manifests):
    taking = {name: cell.limits["bank"] for name, one in manifests.items()
              if (cell := one.capabilities.get("payout")) and cell.limits.get("bank")}  # fmt: skip
    assert sorted(taking) == ["razorpay"]
    for name, kinds in taking.items():
        for kind, members in kinds.items():
            assert set(members.values()) <= {"name", *PARTS[kind]}, (name, kind)
    indian = BankAccount("Asha", kind="in", ifsc="HDFC0001234", number="50100012345678")
    assert bank_destination(manifests["razorpay"], indian) == {
        "name": "Asha", "account_number": "50100012345678", "ifsc": "HDFC0001234",
    }  # fmt: skip
    assert bank_destination(manifests["razorpay"], BankAccount("Ada", "DE89370400440532013000")) is None
    assert bank_destination(manifests["stripe"], indian) is None
