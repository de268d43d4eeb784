"""What goes back of a divided payment is given by those who got it: to the last unit, and never beyond their part."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.payments.division import OWN, Division, Share, Taken, shared_out, take_back, united

A = Share("A", 5251, 750)
B = Share("B", 3499, 500)
TWO = Division((A, B))


def parts(taken):
    """What each provider gives, and the platform of sales and commission."""
    return {name: share.parts() for name, share in taken.shares.items()}, taken.sales, taken.commission


def back(division, minor, *named, whole=None):
    return take_back(division, division.total if whole is None else whole, minor, named, "JPY")


def named(division, minor, before=None, whole=None):
    """For whose parts a refund without lines is."""
    return shared_out(division, division.total if whole is None else whole, before or back(division, 0), minor, "JPY")


def test_a_division_is_kept_as_it_was():
    whole = Division((Share("A", 70, 20, 10), B), 40, 5)
    assert Division.from_json(whole.to_json()) == whole
    assert whole.total == 70 + 20 + 10 + 3999 + 40 + 5


def test_several_divisions_of_one_payment_are_added_up():
    found = united([Division((A, B), 10, 1), Division((Share("B", 1, 2, 3), Share("C", 4)), 20, 2)])
    assert found == Division((A, Share("B", 3500, 502, 3), Share("C", 4)), 30, 3)


def test_what_went_back_by_name_is_taken_of_those_parts_alone():
    assert parts(back(TWO, 6001, {"A": 6001})) == ({"A": (5251, 750, 0), "B": (0, 0, 0)}, 0, 0)
    assert parts(back(TWO, 3001, {"A": 1000}, {"A": 2000, "B": 1})) == ({"A": (2625, 375, 0), "B": (1, 0, 0)}, 0, 0)


def test_more_than_a_part_that_is_named_is_taken_of_the_others():
    assert parts(back(TWO, 7001, {"A": 7001})) == ({"A": (5251, 750, 0), "B": (875, 125, 0)}, 0, 0)


def test_what_is_named_for_nobody_who_got_anything_is_taken_in_proportion():
    assert parts(back(TWO, 1000, {"stranger": 1000, OWN: 5})) == parts(back(TWO, 1000))


def test_names_never_take_more_than_went_back():
    for told in ({"A": 80, "B": 80}, {"B": 80, "A": 80}):
        assert parts(back(TWO, 100, told)) == ({"A": (70, 10, 0), "B": (17, 3, 0)}, 0, 0)


def test_own_goods_may_be_named():
    division = Division((A,), sales=1000)
    assert parts(back(division, 600, {OWN: 600})) == ({"A": (0, 0, 0)}, 600, 0)
    assert parts(back(division, 1600, {OWN: 1600})) == ({"A": (525, 75, 0)}, 1000, 0)


def test_what_nobody_got_yet_goes_back_first():
    taken = back(TWO, 700, whole=10500)
    assert (taken.held, parts(taken)) == (500, parts(back(TWO, 200)))
    assert back(TWO, 300, whole=10500).held == 300
    assert back(TWO, 300, {"A": 300}, whole=10500).held == 0


def test_what_goes_back_beyond_the_payment_is_taken_of_nobody():
    taken = back(TWO, 10007)
    assert (taken.beyond, parts(taken)) == (7, ({"A": A.parts(), "B": B.parts()}, 0, 0))
    assert back(TWO, 10000).beyond == back(TWO, 9999).beyond == 0
    assert back(Division(), 7, whole=5) == Taken({}, 0, 0, 5, 2)


def test_of_a_payment_that_brought_less_than_was_divided_nothing_is_held():
    """A capture that is told later to be smaller."""
    taken = back(TWO, 100, whole=9000)
    assert (taken.held, taken.beyond, parts(taken)) == (0, 0, parts(back(TWO, 100)))
    assert named(TWO, 100, whole=9000) == {"A": 60, "B": 40}


def test_who_has_nothing_left_leaves_it_to_the_others():
    division = Division((Share("A", 50), Share("B", 50)), sales=100)
    assert parts(back(division, 140, {"A": 50})) == ({"A": (50, 0, 0), "B": (30, 0, 0)}, 60, 0)
    assert parts(back(division, 160, {"A": 40})) == ({"A": (50, 0, 0), "B": (37, 0, 0)}, 73, 0)


def test_the_platforms_own_part_is_taken_of_its_sales_and_its_commission_in_proportion():
    division = Division((Share("A", 90),), sales=6, commission=4)
    assert parts(back(division, 50)) == ({"A": (45, 0, 0)}, 3, 2)
    assert named(division, 50) == {"A": 45, OWN: 5}
    assert parts(back(division, 50, named(division, 50))) == parts(back(division, 50))


def test_a_share_of_nothing_gives_nothing():
    assert parts(back(Division((A, Share("C", 0))), 6001)) == ({"A": A.parts(), "C": (0, 0, 0)}, 0, 0)


def test_of_equal_parts_of_a_share_the_providers_own_gives_the_odd_unit():
    division = Division((Share("A", 5, 5, 5),))
    assert [parts(back(division, minor))[0]["A"] for minor in (1, 2, 3, 4)] == [
        (1, 0, 0),
        (1, 1, 0),
        (1, 1, 1),
        (2, 1, 1),
    ]


def test_the_nearest_whole_units_are_taken_of_a_shares_parts():
    assert parts(back(Division((Share("A", 3, 1, 1),)), 3))[0]["A"] == (2, 1, 0)
    assert parts(back(Division((Share("A", 3, 3, 1),)), 4))[0]["A"] == (2, 2, 0)


@given(st.tuples(*[st.integers(0, 60)] * 3).filter(sum))
def test_parts_of_a_share_are_taken_in_proportion_and_no_unit_comes_back(whole):
    before, total = (0, 0, 0), sum(whole)
    division = Division((Share("A", *whole),))
    for minor in range(1, total + 1):
        taken = parts(back(division, minor))[0]["A"]
        assert sum(taken) == minor
        assert all(abs(part * total - minor * all_of) < total for part, all_of in zip(taken, whole, strict=True))
        assert all(new >= old for new, old in zip(taken, before, strict=True))
        before = taken
    assert before == whole


# a refund without lines


def test_a_refund_that_names_nobody_is_for_all_parts_in_proportion():
    assert named(TWO, 3333) == {"A": 2000, "B": 1333}
    assert named(Division((A,), sales=6001), 100) == {"A": 50, OWN: 50}
    assert named(Division((A,)), 0) == {}


def test_a_refund_that_names_nobody_comes_out_of_what_is_held_first():
    assert named(TWO, 700, whole=10500) == {"A": 120, "B": 80}
    assert named(TWO, 500, whole=10500) == {}
    before = back(TWO, 300, whole=10500)
    assert named(TWO, 700, before, whole=10500) == {"A": 300, "B": 200}


@pytest.mark.parametrize(
    ("gone", "minor", "found"),
    [
        ({OWN: 60}, 90, {"A": 30, "B": 30, OWN: 30}),
        ({OWN: 80}, 90, {"A": 35, "B": 35, OWN: 20}),
        ({OWN: 100}, 90, {"A": 45, "B": 45}),
        ({"A": 90}, 60, {"A": 10, "B": 25, OWN: 25}),
        ({"A": 100, "B": 100}, 60, {OWN: 60}),
        ({"A": 100, "B": 100, OWN: 100}, 60, {}),
    ],
)
def test_who_gave_much_back_already_gives_what_is_left_of_their_part_only(gone, minor, found):
    """Own goods are a party like any other."""
    division = Division((Share("A", 100), Share("B", 100)), sales=100)
    before = back(division, sum(gone.values()), gone)
    assert named(division, minor, before) == found


@given(
    shares=st.lists(st.tuples(*[st.integers(0, 40)] * 3), min_size=1, max_size=3),
    own=st.tuples(st.integers(0, 40), st.integers(0, 40)),
    held=st.integers(0, 20),
    refunds=st.lists(st.integers(1, 60), max_size=5),
)
def test_refunds_one_after_the_other_take_exactly_what_they_named(shares, own, held, refunds):
    division = Division(tuple(Share(f"p{number}", *one) for number, one in enumerate(shares)), *own)
    whole, gone, told = division.total + held, 0, []
    taken = take_back(division, whole, 0, [], "JPY")
    for minor in refunds:
        part = min(minor, whole - gone)
        parts_of_it = shared_out(division, whole, taken, part, "JPY")
        told, gone = [*told, parts_of_it], gone + part
        before, taken = taken, take_back(division, whole, gone, told, "JPY")
        given_now = {name: share.whole - before.shares[name].whole for name, share in taken.shares.items()}
        given_now[OWN] = taken.sales + taken.commission - before.sales - before.commission
        assert {name: minor for name, minor in given_now.items() if minor} == parts_of_it
        assert sum(parts_of_it.values()) + taken.held - before.held == part
    assert taken.beyond == 0
