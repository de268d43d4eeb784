"""Maestro: a debit brand, taken through the connection of a card gateway."""
