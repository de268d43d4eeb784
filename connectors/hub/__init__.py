"""The hub's own actions."""
