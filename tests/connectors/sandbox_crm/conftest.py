"""The CRM runs beside the sandbox gateway: the same server, the same fixtures."""

from tests.connectors.sandbox.conftest import crm, hook, outbound, served

__all__ = ["crm", "hook", "outbound", "served"]
