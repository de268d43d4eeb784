"""The sandbox CRM: contacts, companies, deals, notes and lists to try recipes with."""
