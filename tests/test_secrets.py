import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import ConfigError
from hub.secrets import FILE, Keyring, LinkError, add_key, new_key

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
OLD, NEW = new_key(), new_key()
DAY = timedelta(days=1)


@given(st.text())
def test_what_is_encrypted_comes_back_and_does_not_show(value):
    keyring = Keyring([OLD])
    token = keyring.encrypt(value)
    assert keyring.decrypt(token) == value
    assert len(value) < 5 or value not in token


def test_bytes_are_taken_as_text_is():
    assert Keyring([OLD]).decrypt(Keyring([OLD]).encrypt("geheim ✓".encode())) == "geheim ✓"


def test_after_a_rotation_old_values_are_read_and_new_ones_need_the_new_key():
    token = Keyring([OLD]).encrypt("sesame")
    both = Keyring([NEW, OLD])
    assert both.decrypt(token) == "sesame"
    assert Keyring([NEW]).decrypt(both.rotate(token)) == "sesame"


@pytest.mark.parametrize("use", [Keyring.decrypt, Keyring.rotate])
@pytest.mark.parametrize(
    "token", [Keyring([OLD]).encrypt("x"), "", "not a token", "é"], ids=["other key", "empty", "text", "not ASCII"]
)
def test_a_value_that_no_key_fits_says_what_to_do(use, token):
    with pytest.raises(ConfigError, match="Put back the key with which it was written"):
        use(Keyring([NEW]), token)


@pytest.mark.parametrize(
    "keys", [[], [""], [OLD, "short"], [OLD[:-2]]], ids=["none", "empty", "one too short", "cut off"]
)
def test_keys_that_are_none_are_refused_without_showing_them(keys):
    with pytest.raises(ConfigError) as caught:
        Keyring(keys)
    assert not any(key and key in str(caught.value) for key in keys)
    assert caught.value.__cause__ is None


def test_no_key_shows_in_a_representation():
    assert repr(Keyring([OLD, NEW])) == "<Keyring of 2>"


def test_the_first_start_makes_a_file_that_only_the_owner_reads(tmp_path):
    folder = tmp_path / "new" / "workspace"
    token = Keyring.load(folder, "").encrypt("sesame")
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600
    assert Keyring.load(folder, "").decrypt(token) == "sesame"
    assert [file.name for file in folder.iterdir()] == [FILE]


def test_processes_that_start_together_agree_on_one_key(tmp_path):
    program = (
        "import sys, pathlib; from hub.secrets import Keyring; sys.stdin.read(1);"
        "print(Keyring.load(pathlib.Path(sys.argv[1]), '').derived('x'))"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        said = set(pool.map(lambda process: process.communicate("g", timeout=60)[0], started))
    assert len(said) == 1
    assert said != {""}


def test_keys_of_the_environment_go_before_the_file(tmp_path):
    keyring = Keyring.load(tmp_path, f" {NEW} , {OLD},")
    assert keyring.decrypt(Keyring([OLD]).encrypt("sesame")) == "sesame"
    assert not (tmp_path / FILE).exists()


def test_a_file_that_others_can_read_is_refused_with_the_command_that_mends_it(tmp_path):
    Keyring.load(tmp_path, "")
    (tmp_path / FILE).chmod(0o640)
    with pytest.raises(ConfigError, match=f"Run: chmod 600 {tmp_path / FILE}"):
        Keyring.load(tmp_path, "")


@pytest.mark.parametrize(("content", "said"), [(b"\xff\xfe", "it is not text"), (b"\n", "or there is none")])
def test_a_file_without_keys_is_refused(tmp_path, content, said):
    (tmp_path / FILE).write_bytes(content)
    (tmp_path / FILE).chmod(0o600)
    with pytest.raises(ConfigError, match=said):
        Keyring.load(tmp_path, "")


def test_a_key_that_is_added_encrypts_from_then_on_and_the_older_ones_still_read(tmp_path):
    before = Keyring.load(tmp_path, "")
    token = before.encrypt("sesame")
    add_key(tmp_path)
    after = Keyring.load(tmp_path, "")
    assert after.decrypt(token) == "sesame"
    with pytest.raises(ConfigError):
        before.decrypt(after.encrypt("sesame"))
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == [FILE]


def test_each_purpose_has_its_own_key_and_none_is_a_key_in_force():
    keyring = Keyring([NEW, OLD])
    assert keyring.derived_keys("session") == (Keyring([NEW]).derived("session"), Keyring([OLD]).derived("session"))
    assert len({*keyring.derived_keys("session"), *keyring.derived_keys("link"), OLD, NEW}) == 6


def test_a_derived_key_stays_when_a_key_is_added():
    assert Keyring([NEW, OLD]).derived("sandbox") == Keyring([OLD]).derived("sandbox")


def test_a_link_gives_back_its_payload_until_its_time_is_over():
    keyring = Keyring([OLD])
    token = keyring.sign("answer", ["q_1", "yes"], now=NOW)
    assert keyring.unsign("answer", token, DAY, now=NOW + DAY) == ["q_1", "yes"]
    with pytest.raises(LinkError) as caught:
        keyring.unsign("answer", token, DAY, now=NOW + DAY + timedelta(seconds=1))
    assert caught.value.code == "expired_link"


def test_a_link_from_a_machine_whose_clock_is_ahead_is_good():
    keyring = Keyring([OLD])
    assert keyring.unsign("pay", keyring.sign("pay", 1, now=NOW + timedelta(seconds=5)), DAY, now=NOW) == 1


def test_links_stay_good_after_a_rotation():
    token = Keyring([OLD]).sign("pay", {"link": "l_1"}, now=NOW)
    assert Keyring([NEW, OLD]).unsign("pay", token, DAY, now=NOW) == {"link": "l_1"}


def test_without_a_time_the_clock_counts():
    keyring = Keyring([OLD])
    assert keyring.unsign("pay", keyring.sign("pay", 1), DAY) == 1


@given(st.data())
def test_a_link_that_was_changed_anywhere_is_refused(data):
    keyring = Keyring([OLD])
    token = keyring.sign("pay", {"amount": 100}, now=NOW)
    position = data.draw(st.integers(0, len(token) - 2))  # the last character holds two bits of nothing
    character = data.draw(st.sampled_from("AZaz09-_.").filter(lambda found: found != token[position]))
    changed = token[:position] + character + token[position + 1 :]
    with pytest.raises(LinkError) as caught:
        keyring.unsign("pay", changed, DAY, now=NOW)
    assert caught.value.code == "bad_link"


@pytest.mark.parametrize(
    "token",
    ["", ".", "é", "x" * 5_000, Keyring([NEW]).sign("pay", 1), Keyring([OLD]).sign("refund", 1)],
    ids=["empty", "a dot", "not ASCII", "too long", "other key", "other purpose"],
)
def test_a_link_of_another_hub_or_purpose_is_refused(token):
    with pytest.raises(LinkError, match="This link is not valid"):
        Keyring([OLD]).unsign("pay", token, DAY, now=NOW)
