"""On PostgreSQL, where an order of another process may not be written yet when a table of the catalogue is read in."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import sqlalchemy as sa

from hub.commerce import catalogue_items as catalogue
from hub.journal.tables_commerce import catalogue_items

FILE = """\
catalogue: 1
items:
  - sku: LAMP
    title: Lamp
    prices: {EUR: 10}
    stock: 5
"""
WAITING = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")


@pytest.fixture
def database_url(postgres_url):
    return postgres_url


@pytest.mark.parametrize(("table", "left"), [("sku,title\nLAMP,Lamp\n", 3), ("sku,stock\nLAMP,9\n", 9)])
def test_a_table_that_counts_nothing_leaves_what_is_being_sold_sold(shop, table, left):
    shop.hub.store.save_file("catalogue", "catalogue", FILE, "test", shop.moment)
    shop.office().change(lambda book: catalogue.store_catalogue(book, "catalogue", FILE))
    with ThreadPoolExecutor(1) as threads, shop.hub.database.engine.connect() as order:
        column = catalogue_items.c
        sold = sa.update(catalogue_items).values(stock=column.stock - 2, version=column.version + 1)
        order.execute(sold.where(column.id == "LAMP"))
        work = partial(catalogue.import_table, text=table, author="ada@example.com")
        reading_in = threads.submit(shop.office("import").change, work)
        with shop.hub.database.engine.connect() as watcher:
            while not (watcher.scalar(WAITING) or reading_in.done()):
                pass
        order.commit()
        assert reading_in.result().wrong == ()
    assert shop.left("LAMP") == left
