import pytest

from hub.connect.documents import parse_yaml, read_yaml
from hub.errors import ConfigError


def test_words_that_yaml_1_1_calls_booleans_stay_text():
    assert parse_yaml("{a: no, b: on, c: NO, d: true}", "x") == {"a": "no", "b": "on", "c": "NO", "d": True}


def test_dates_and_sexagesimals_stay_text():
    assert parse_yaml("{a: 2026-11-23, b: 12:30, c: 010, d: 1.5}", "x") == {
        "a": "2026-11-23",
        "b": "12:30",
        "c": 10,
        "d": 1.5,
    }


def test_a_key_twice_is_refused_with_its_line():
    with pytest.raises(ConfigError, match=r"acme.yaml:3: .*'a' stands twice"):
        parse_yaml("a: 1\nb: 2\na: 3\n", "acme.yaml")


def test_merge_keys_and_anchors_work():
    assert parse_yaml("x: &x {a: 1}\ny: {<<: *x, b: 2}", "x") == {"x": {"a": 1}, "y": {"a": 1, "b": 2}}


def test_a_tag_that_would_make_an_object_is_refused():
    with pytest.raises(ConfigError):
        parse_yaml("!!python/object/apply:os.system ['true']", "x")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.yaml cannot be read"):
        read_yaml(tmp_path / "nowhere.yaml")
