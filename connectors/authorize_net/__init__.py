"""Authorize.Net: cards and eChecks on its page or in its form, stored means, subscriptions (ARB), refunds."""
