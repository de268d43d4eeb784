"""Connector Hub: payment events in, recipes run, nothing lost."""

__version__ = "0.1.0"
