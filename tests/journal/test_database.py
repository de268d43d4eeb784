"""The tables are what the migrations make of them, on both databases."""

import re
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import hub.journal
from hub.errors import ConfigError, UnavailableError
from hub.journal.database import REVISION, Database, _upgrade
from hub.journal.schema import metadata


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request, tmp_path):
    """The address of a database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'hub.db'}"
    else:
        yield from request.getfixturevalue("postgres_server").new_database()


def test_nobody_else_on_the_machine_reads_the_file(tmp_path):
    database = Database.open(f"sqlite:///{tmp_path / 'hub.db'}")
    with database.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE one (id)")
        made = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    assert made == dict.fromkeys(("hub.db", "hub.db-shm", "hub.db-wal"), 0o600)


def test_a_file_that_is_no_database_is_said_in_a_sentence(tmp_path):
    (tmp_path / "hub.db").write_text(
        "what another program wrote over it, a whole page of a hundred bytes and more" * 20
    )
    with pytest.raises(UnavailableError, match="file is not a database"):
        Database.open(f"sqlite:///{tmp_path / 'hub.db'}").migrate()


@pytest.mark.parametrize("by_migrations", [True, False])
def test_migrations_give_the_tables(empty_url, by_migrations):
    database = Database.open(empty_url)
    if by_migrations:
        with database.begin() as connection:
            _upgrade(connection)
    database.migrate()
    database.migrate()
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == REVISION
    database.close()


def test_a_new_database_gets_the_tables_as_the_migrations_make_them(tmp_path):
    new, old = Database.open(f"sqlite:///{tmp_path / 'new.db'}"), Database.open(f"sqlite:///{tmp_path / 'old.db'}")
    new.migrate()
    with old.begin() as connection:
        _upgrade(connection)
    assert schema(new) == schema(old)
    new.close()
    old.close()


def schema(database):
    """Every table and index, and where the migrations stand."""
    with database.read() as connection:
        rows = connection.execute(sa.text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
        made = {row.name: sorted(re.findall(r"[^,\s()]+", row.sql)) for row in rows}
        return made, connection.scalar(sa.text("SELECT version_num FROM alembic_version"))


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
