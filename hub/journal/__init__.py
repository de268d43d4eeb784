"""The durable record of everything: events, runs, steps, waits, recipes, connections. SQLite and PostgreSQL."""
