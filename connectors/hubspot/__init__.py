"""Contacts, companies, deals, notes and lists in HubSpot."""
