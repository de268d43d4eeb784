import ipaddress

import pytest

from hub.connect.guard import Guard
from hub.errors import PermanentError, TransientError


def guard(*answers, allowed=()):
    return Guard(allowed, resolve=lambda host, port: answers)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "::1",
        "::",
        "fe80::1",
        "fd00::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "2002:7f00:0001::",
        "64:ff9b::7f00:1",
        "fe80::1%eth0",
    ],
)
def test_an_inner_address_is_refused(address):
    with pytest.raises(PermanentError) as refusal:
        guard(address).addresses("shop.example", 443)
    assert refusal.value.code == "blocked_address"
    assert address in refusal.value.message


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34"])
def test_a_public_address_is_let_through(address):
    assert guard(address).addresses("shop.example", 443) == (address,)


def test_one_inner_answer_among_public_ones_is_enough_to_refuse():
    with pytest.raises(PermanentError, match=r"10\.0\.0\.1"):
        guard("93.184.216.34", "10.0.0.1").addresses("shop.example", 443)


@pytest.mark.parametrize("entry", ["127.0.0.1", "127.0.0.0/8", "localhost", "localhost:8025"])
def test_an_operator_can_allow_a_host_or_a_network(entry):
    assert guard("127.0.0.1", allowed=[entry]).addresses("localhost", 8025) == ("127.0.0.1",)


def test_a_host_that_is_allowed_with_one_port_is_not_with_another():
    with pytest.raises(PermanentError):
        guard("127.0.0.1", allowed=["localhost:8025"]).addresses("localhost", 22)


def test_the_metadata_service_needs_an_entry_of_its_own():
    address = ipaddress.ip_address("169.254.169.254")
    assert not Guard(["169.254.0.0/16"]).permits(address)
    assert Guard(["169.254.169.254"]).permits(address)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("ftp://shop.example/", "Only http and https"),
        ("file:///etc/passwd", "Only http and https"),
        ("gopher://shop.example", "Only http and https"),
        ("https://", "no host"),
        ("https://user:pw@shop.example/", "User and password"),
        ("https://user@shop.example/", "User and password"),
        ("https://shop.example:notaport/", "not an address"),
        ("https://[::1", "not an address"),
    ],
)
def test_an_address_of_the_wrong_form_is_refused(url, says):
    with pytest.raises(PermanentError, match=says) as refusal:
        guard("93.184.216.34").target(url)
    assert refusal.value.code == "blocked_address"


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost", "LOCALHOST."])
def test_other_ways_to_write_this_machine_are_judged_by_what_they_resolve_to(host):
    with pytest.raises((PermanentError, TransientError)):
        Guard().addresses(host, 80)


def test_a_name_that_does_not_resolve_may_do_so_later():
    def fail(host, port):
        raise OSError("no such name")

    with pytest.raises(TransientError) as error:
        Guard(resolve=fail).addresses("nowhere.example", 443)
    assert error.value.code == "unreachable"
