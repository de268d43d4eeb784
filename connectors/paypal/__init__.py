"""Payments, subscriptions, refunds, payouts and disputes through PayPal."""
