"""Payments through the Mastercard Gateway, payouts to cards and accounts through Mastercard Send."""
