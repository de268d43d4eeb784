"""The connectors that come with the hub: one folder per outside system."""
