"""VISA: cards and wallets through Visa Acceptance (Cybersource), payouts through Visa Direct."""
