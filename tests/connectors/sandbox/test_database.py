import threading


def test_the_same_history_on_both_databases(serving, database_url, hook):
    with serving(database_url, hook.url) as served:
        paid = served.paid(customer={"email": "ada@example.com"})
        served.post("/refunds", payment=paid["id"], amount=2500)
        subscription = served.subscribed()
        served.forward("month", 2)
        assert served.get(f"/subscriptions/{subscription['id']}")["cycle"] == 3
        assert served.sandbox.deliver_due(served.clock.now) == len(served.events())
        assert served.books_balance()
    with serving(database_url, hook.url) as again:
        assert again.get(f"/payments/{paid['id']}")["refunded"] == 2500
        assert again.sandbox.deliver_due(again.clock.now) == 0


def test_refunds_at_the_same_moment_never_give_back_more_than_was_paid(serving, database_url, hook):
    with serving(database_url, hook.url) as served:
        paid = served.paid()
        answers = []

        def refund():
            answers.append(served.call("POST", "/refunds", {"payment": paid["id"], "amount": 3000}).status_code)

        threads = [threading.Thread(target=refund) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answers) == [201, 201, 201, 422, 422, 422]
        assert served.get(f"/payments/{paid['id']}")["refunded"] == 9000


def test_on_postgresql_it_keeps_to_a_schema_of_its_own(serving, postgres_url, hook):
    with serving(postgres_url, hook.url) as served:
        served.payment()
        with served.sandbox.database.engine.connect() as connection:
            query = "SELECT DISTINCT table_schema FROM information_schema.tables WHERE table_name = 'records'"
            assert connection.exec_driver_sql(query).scalars().all() == ["sandbox"]
