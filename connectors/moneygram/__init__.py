"""Payouts in cash, to bank accounts and to wallets through MoneyGram."""
