"""Instamojo: payment requests in India, polled where its webhooks say nothing."""
