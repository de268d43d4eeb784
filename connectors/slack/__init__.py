"""Messages to Slack and whatever takes Slack's incoming webhooks."""
