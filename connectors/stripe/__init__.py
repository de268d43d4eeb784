"""Payments, subscriptions, refunds and payouts through Stripe."""
