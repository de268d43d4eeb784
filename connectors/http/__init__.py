"""Any HTTP API, and signed webhooks from anywhere."""
