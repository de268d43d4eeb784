"""Where events come in: the webhook endpoint and the pollers."""
