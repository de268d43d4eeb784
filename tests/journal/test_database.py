"""The tables are what the migrations make of them, on both databases."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import hub.journal
from hub.errors import ConfigError, UnavailableError
from hub.journal.database import REVISION, Database
from hub.journal.tables import metadata


def test_migrations_give_the_tables(database_url):
    database = Database.open(database_url)
    database.migrate()
    database.migrate()
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == REVISION
    database.close()


def test_the_named_revision_is_the_newest():
    scripts = ScriptDirectory(str(Path(hub.journal.__file__).parent / "migrations"))
    assert scripts.get_current_head() == REVISION


def test_another_kind_of_database_is_refused_with_a_remedy():
    with pytest.raises(ConfigError, match="mysql") as refused:
        Database.open("mysql://root@localhost/hub")
    assert "sqlite:///FILE" in refused.value.remedy


def test_a_database_that_is_gone_is_said_to_be_unavailable(tmp_path):
    database = Database.open(f"postgresql://nobody@/hub?host={tmp_path}")
    assert not database.healthy()
    with pytest.raises(UnavailableError) as gone:
        database.migrate()
    assert "Nothing was kept" in gone.value.remedy
    database.close()
