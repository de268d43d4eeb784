import pytest

from scripts import bootstrap


@pytest.mark.parametrize(
    ("node", "npm", "fitting"),
    [
        ("v20.19.0", "11.4.2", True),
        ("v20.18.3", "11.4.2", False),
        ("v21.7.0", "11.4.2", False),
        ("v22.11.0", "11.4.2", False),
        ("v22.12.0", "11.4.2", True),
        ("v24.19.0", "12.0.0", True),
        ("v24.19.0", "10.9.0", False),
        ("v18.20.4", "11.0.0", False),
        ("", "", False),
    ],
)
def test_only_a_node_that_builds_the_pages_is_taken(node, npm, fitting):
    assert bootstrap.fits(node, npm) is fitting


def test_uv_is_told_what_pip_was_told(monkeypatch):
    for name in (
        "UV_DEFAULT_INDEX",
        "UV_INDEX",
        "UV_INDEX_STRATEGY",
        "UV_FIND_LINKS",
        "UV_INSECURE_HOST",
        "SSL_CERT_FILE",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/index")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://a.example/ https://b.example/")
    monkeypatch.setenv("PIP_FIND_LINKS", "/wheels /more")
    monkeypatch.setenv("PIP_CERT", "/certificates.crt")
    monkeypatch.setenv("PIP_TRUSTED_HOST", "mirror.example")
    settings = bootstrap.registry_settings()
    assert settings["UV_DEFAULT_INDEX"] == "https://mirror.example/index"
    assert settings["UV_INDEX"] == "https://a.example/ https://b.example/"
    assert settings["UV_INDEX_STRATEGY"] == "unsafe-best-match"
    assert settings["UV_FIND_LINKS"] == "/wheels,/more"
    assert settings["UV_INSECURE_HOST"] == "mirror.example"
    assert settings["SSL_CERT_FILE"] == "/certificates.crt"


def test_what_was_said_to_uv_itself_stays(monkeypatch):
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://uv.example/index")
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/index")
    assert bootstrap.registry_settings()["UV_DEFAULT_INDEX"] == "https://uv.example/index"


@pytest.mark.parametrize("arguments", [[], ["python"], ["python", "other"], ["pages", "now"]])
def test_a_command_that_does_not_exist_is_answered_with_those_that_do(arguments):
    with pytest.raises(SystemExit, match="page-types"):
        bootstrap.main(arguments)
