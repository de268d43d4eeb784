from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import NotFoundError
from hub.recipes.connection_files import ConnectionFile, connection_text, read_connection
from hub.recipes.files import FileKey, FileKind, exported, key_of, plan_files
from tests.recipes.conftest import installation


class Forms:
    """The connection forms of two connectors."""

    def form(self, connector):
        if connector == "crm":
            schema = {
                "type": "object",
                "additionalProperties": False,
                "required": ["portal"],
                "properties": {"portal": {"type": "integer"}, "region": {"enum": ["eu", "us"]}},
            }
            return schema, ("access_token",)
        if connector == "mail":
            return {"type": "object"}, ("password",)
        raise NotFoundError(
            f"There is no connector {connector!r}.", code="unknown_connector", remedy="Did you mean 'crm'?"
        )


FORMS = Forms()
NOTE = """hub: 1
recipe: {name}   # a comment that stays
on: {{event: payment.succeeded}}
steps:
    - call: {connection}/note.add
      with: {{body: Hello}}
"""
MAIL = NOTE.replace("note.add", "send").replace("body: Hello", "to: a@example.com, template: {template}")
CRM = "name: crm\nconnector: crm\nsettings: {portal: 7}\n"


def note(name="note", connection="crm"):
    return NOTE.format(name=name, connection=connection)


def recipe(name):
    return FileKey(FileKind.RECIPE, name)


def planned(stored, files, context=None, **more):
    return plan_files(stored, files, context or installation(recipes={}), FORMS, **more)


def codes(plan):
    return [finding.code for finding in plan.findings]


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("recipes/shop-split.yaml", FileKey(FileKind.RECIPE, "shop-split")),
        ("forms/donate.yaml", FileKey(FileKind.FORM, "donate")),
        ("connections/crm.yaml", FileKey(FileKind.CONNECTION, "crm")),
        ("catalogue/lamps.yaml", FileKey(FileKind.CATALOGUE, "lamps")),
        ("templates/welcome.md", FileKey(FileKind.TEMPLATE, "welcome")),
        ("README.md", None),
        ("recipes/shop.yml", None),
        ("recipes/a/b.yaml", None),
        ("recipes/../b.yaml", None),
        ("recipes/Shop.yaml", None),
        ("recipes/-a.yaml", None),
        ("templates/a.yaml", None),
    ],
)
def test_paths_say_what_files_hold(path, key):
    assert key_of(path) == key
    assert key is None or key.path == path


@given(
    st.dictionaries(
        st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True), st.text(max_size=50), max_size=5
    ),
    st.sampled_from(FileKind),
)
def test_an_export_holds_every_text_as_it_is(texts, kind):
    stored = {FileKey(kind, name): text for name, text in texts.items()}
    files = exported(stored)
    assert {key_of(path): text for path, text in files.items()} == stored
    assert list(files) == sorted(files)


def test_applying_an_export_changes_nothing():
    stored = {
        recipe("note"): note() + "\r\n# end",
        FileKey(FileKind.TEMPLATE, "welcome"): "Hello\n",
        FileKey(FileKind.CONNECTION, "crm"): CRM,
    }
    plan = planned(stored, exported(stored))
    assert (plan.changes, plan.findings) == ((), ())


def test_a_plan_says_what_is_added_changed_and_removed():
    stored = {recipe("a"): note("a"), recipe("b"): note("b")}
    plan = planned(stored, {"recipes/a.yaml": note("a").replace("Hello", "Bye"), "recipes/c.yaml": note("c")})
    assert [change.key.name for change in plan.add] == ["c"]
    assert [change.key.name for change in plan.change] == ["a"]
    assert [change.key.name for change in plan.remove] == ["b"]
    assert not plan.is_refused


def test_changes_are_shown_as_diffs():
    plan = planned({recipe("a"): note("a")}, {"recipes/a.yaml": note("a").replace("Hello", "Bye").rstrip()})
    assert plan.changes[0].diff.splitlines() == [
        "--- a/recipes/a.yaml",
        "+++ b/recipes/a.yaml",
        "@@ -3,4 +3,4 @@",
        " on: {event: payment.succeeded}",
        " steps:",
        "     - call: crm/note.add",
        "-      with: {body: Hello}",
        "+      with: {body: Bye}",
        "\\ No newline at end of file",
    ]
    added = planned({}, {"recipes/a.yaml": note("a")}).changes[0].diff
    assert added.startswith("--- /dev/null\n+++ b/recipes/a.yaml\n@@ -0,0 +1,6 @@\n+hub: 1\n")


def test_kinds_that_the_folder_does_not_have_stay():
    template = FileKey(FileKind.TEMPLATE, "welcome")
    stored = {recipe("a"): note("a"), template: "Hello\n"}
    assert planned(stored, {"recipes/a.yaml": note("a")}).changes == ()
    plan = planned(stored, {"recipes/a.yaml": note("a")}, kinds={FileKind.RECIPE, FileKind.TEMPLATE})
    assert [change.key for change in plan.remove] == [template]


def test_files_of_others_are_let_be():
    files = {"README.md": "x", ".github/workflows/check.yaml": "x", "recipes/.hidden.yaml": "x", "docs/a.yaml": "x"}
    plan = planned({}, {**files, "recipes/a.yaml": note("a")})
    assert ([change.key.name for change in plan.changes], plan.findings) == (["a"], ())


@pytest.mark.parametrize(
    "path", ["recipes/a.yml", "recipes/A.yaml", "recipes/sub/a.yaml", "templates/a.yaml", "forms/a b.yaml"]
)
def test_a_file_that_is_misnamed_refuses_the_whole(path):
    plan = planned({}, {path: note("a"), "recipes/b.yaml": note("b")})
    assert (codes(plan), plan.is_refused) == (["file_name"], True)


def test_a_recipes_name_is_its_files_name():
    plan = planned({}, {"recipes/b.yaml": note("a")})
    assert codes(plan) == ["other_name"]
    assert (plan.findings[0].file, plan.findings[0].line, plan.findings[0].fix) == ("recipes/b.yaml", 2, "b")


def test_one_wrong_recipe_refuses_the_whole():
    plan = planned({}, {"recipes/a.yaml": note("a"), "recipes/b.yaml": note("b", "crn")})
    assert [(one.file, one.code) for one in plan.findings] == [("recipes/b.yaml", "unknown_connection")]
    assert plan.is_refused


def test_recipes_are_checked_against_what_is_there_afterwards():
    context = installation(recipes={}, connections={"mail": "mail"}, templates=frozenset())
    files = {
        "recipes/a.yaml": note("a"),
        "recipes/b.yaml": MAIL.format(name="b", connection="mail", template="thanks"),
        "connections/crm.yaml": CRM,
        "templates/thanks.md": "Thanks\n",
    }
    assert planned({}, files, context).findings == ()
    assert codes(planned({}, {key: text for key, text in files.items() if "crm" not in key}, context)) == [
        "unknown_connection"
    ]
    assert codes(planned({}, {key: text for key, text in files.items() if "thanks" not in key}, context)) == [
        "unknown_template"
    ]


def test_recipes_that_stay_must_not_break():
    template = FileKey(FileKind.TEMPLATE, "thanks")
    stored = {recipe("a"): MAIL.format(name="a", connection="mail", template="thanks"), template: "Thanks\n"}
    context = installation(recipes={}, templates=frozenset({"thanks"}))
    plan = planned(stored, {"templates/other.md": "x\n"}, context)
    assert [(one.file, one.code) for one in plan.findings] == [("recipes/a.yaml", "unknown_template")]
    broken = {**stored, recipe("a"): stored[recipe("a")].replace("mail/send", "nobody/send")}
    assert "unknown_connection" not in codes(planned(broken, {"templates/thanks.md": "Thank you\n"}, context))


def test_recipes_of_one_folder_feed_each_other():
    text = (
        "hub: 1\nrecipe: {}\non: {{event: acme.{}}}\nsteps: [{{call: hub/emit, with: {{type: acme.{}, data: {{}}}}}}]\n"
    )
    files = {"recipes/a.yaml": text.format("a", "a", "b"), "recipes/b.yaml": text.format("b", "b", "a")}
    assert codes(planned({}, files)) == ["circle", "circle"]
    stored = {recipe(name): files[f"recipes/{name}.yaml"] for name in "ab"}
    mended = {**files, "recipes/b.yaml": text.format("b", "b", "c")}
    assert planned(stored, mended).findings == ()


@pytest.mark.parametrize(
    ("path", "text", "code"),
    [
        ("forms/a.yaml", "- list\n", "type"),
        ("forms/a.yaml", "a: b: c\n", "yaml"),
        ("catalogue/a.yaml", "a: 1\na: 2\n", "doubled_key"),
        ("catalogue/a.yaml", "key: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", "secret"),
        ("templates/a.md", "Hello\n\nsk_live_4eC39HqLyjWDarjtT1zdp7dc\n", "secret"),
        ("connections/crm.yaml", "name: crm\n", "missing_key"),
        ("connections/crm.yaml", "name: other\nconnector: crm\nsettings: {portal: 7}\n", "other_name"),
    ],
)
def test_other_files_are_looked_at_too(path, text, code):
    plan = planned({}, {path: text})
    assert (codes(plan), plan.is_refused) == ([code], True)


def test_removing_a_connection_that_a_recipe_calls_is_refused():
    stored = {recipe("a"): note("a"), FileKey(FileKind.CONNECTION, "crm"): CRM}
    plan = planned(stored, {"recipes/a.yaml": note("a")}, kinds={FileKind.RECIPE, FileKind.CONNECTION})
    assert codes(plan) == ["unknown_connection"]


def test_a_recipe_that_is_kept_elsewhere_counts():
    context = installation()
    text = (
        "hub: 1\nrecipe: a\non: {event: acme.answered}\nsteps: [{call: hub/emit, with: {type: acme.asked, data: {}}}]\n"
    )
    assert codes(planned({}, {"recipes/a.yaml": text}, context)) == ["circle"]
    assert codes(planned({}, {"recipes/a.yaml": text}, replace(context, recipes={}))) == []


# connections


@pytest.mark.parametrize(
    ("text", "codes", "line"),
    [
        ("name: crm\nconnector: crm\nsettings: {portal: 7, access_token: x}\n", ["secret"], 3),
        (
            "name: crm\nconnector: crm\nsettings:\n  portal: 7\n  access_token: pat-na1-12345678-1234-1234-1234-123456789012\n",
            ["secret"],
            5,
        ),
        ("name: crm\nconnector: crm\nsettings: {portal: seven}\n", ["bad_input"], 3),
        ("name: crm\nconnector: crm\nsettings: {portal: 7, regoin: eu}\n", ["unknown_input"], 3),
        ("name: crm\nconnector: crm\n", ["missing_input"], 2),
        ("name: crm\nconnector: crn\n", ["unknown_connector"], 2),
        ("name: crm\nconnector: crm\nsettings: {portal: 7}\nsecrets: {}\n", ["unknown_key"], 4),
        ("name: crm\nconnector: crm\nsettings: [1]\n", ["type", "missing_input"], 3),
        ("- crm\n", ["type"], 1),
        ("name: 7\nconnector: crm\n", ["missing_key"], 1),
        ("name: crm\n\tconnector: crm\n", ["yaml"], 2),
    ],
)
def test_what_is_wrong_with_a_connections_file(text, codes, line):
    _, findings = read_connection(text, "connections/crm.yaml", FORMS)
    assert [finding.code for finding in findings] == codes
    assert findings[0].line == line
    assert all("pat-na1" not in finding.message + finding.remedy for finding in findings)


def test_a_connections_file_is_read():
    connection, findings = read_connection(CRM, "connections/crm.yaml", FORMS)
    assert (connection, findings) == (ConnectionFile("crm", "crm", {"portal": 7}), [])


settings_values = st.one_of(
    st.booleans(), st.integers(-(10**9), 10**9), st.text(max_size=30), st.lists(st.text(max_size=10), max_size=3),
    st.sampled_from(["12", "true", "null", "~", "", "a: b", "a #b", "- a", "{a", "*a", "1e3", "0x1F", "é\n'\""]),
)  # fmt: skip


@given(st.text(min_size=1, max_size=20), st.dictionaries(st.text(min_size=1, max_size=10), settings_values, max_size=4))
def test_a_written_connection_reads_as_itself(name, settings):
    connection = ConnectionFile(name, "mail", settings)
    text = connection_text(connection)
    found, _ = read_connection(text, "f", FORMS)
    assert found == connection
    assert connection_text(connection) == text


def test_a_connections_text_stays_while_it_says_the_same():
    earlier = "# our CRM\nsettings: {portal: 7}\nconnector: crm\nname: crm\n"
    assert connection_text(ConnectionFile("crm", "crm", {"portal": 7}), earlier) == earlier
    assert (
        connection_text(ConnectionFile("crm", "crm", {"portal": 8}), earlier)
        == "name: crm\nconnector: crm\nsettings:\n  portal: 8\n"
    )
    assert connection_text(ConnectionFile("hub", "hub"), ": broken") == "name: hub\nconnector: hub\n"
