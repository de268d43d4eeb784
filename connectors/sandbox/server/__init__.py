"""The sandbox's own side: its database, rules, API, pages and webhooks. The hub reaches it over HTTP only."""
