"""What connectors are written against: see :mod:`hub.connect.api` first."""
