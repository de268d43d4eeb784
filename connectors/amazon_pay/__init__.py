"""Payments with the buyer's Amazon account through Amazon Pay (Checkout v2)."""
