from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.salesforce.soql import fill, literal
from hub.connect.conformance import check_connector
from hub.errors import PermanentError


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("o'x@y.z", "'o\\'x@y.z'"),
        ("back\\slash", "'back\\\\slash'"),
        ("two\nlines", "'two\\nlines'"),
        (None, "null"),
        (True, "true"),
        (12, "12"),
        (["a", "b'c"], "('a', 'b\\'c')"),
    ],
)
def test_value_is_written_as_soql_writes_it(value, text):
    assert literal(value) == text


@pytest.mark.parametrize("value", [{}, {"a": 1}, []])
def test_value_that_soql_has_no_form_for_is_refused(value):
    with pytest.raises(PermanentError) as caught:
        literal(value)
    assert caught.value.code == "bad_input"


@given(st.text())
def test_text_never_leaves_its_quotes(text):
    written = literal(text)
    assert re.fullmatch(r"'(?:[^'\\\n\r]|\\.)*'", written, re.DOTALL)


def test_names_in_quotes_and_times_are_left_alone():
    soql = "SELECT Id FROM Task WHERE Subject = 'at :noon' AND CreatedDate > :since AND OwnerId = :owner"
    filled = fill(soql, {"owner": "005"}, {"since": "2026-11-23T09:00:00Z"})
    assert filled == (
        "SELECT Id FROM Task WHERE Subject = 'at :noon' AND CreatedDate > 2026-11-23T09:00:00Z AND OwnerId = '005'"
    )
    assert fill("SELECT Id FROM Task WHERE CreatedDate = LAST_N_DAYS:30", {}).endswith("LAST_N_DAYS:30")


@pytest.mark.parametrize(
    ("soql", "parameters", "times"),
    [
        ("SELECT Id FROM Task WHERE Id = :id", {}, {}),
        ("SELECT Id FROM Task", {"id": "1"}, {}),
        ("SELECT Id FROM Task WHERE CreatedDate > :since", {}, {"since": "yesterday' OR Id != '"}),
    ],
)
def test_names_and_values_must_fit(soql, parameters, times):
    with pytest.raises(PermanentError) as caught:
        fill(soql, parameters, times)
    assert caught.value.code == "bad_input"


def test_folder_conforms():
    assert check_connector(Path(__file__).parents[3] / "connectors" / "salesforce", "connectors.salesforce") == []
