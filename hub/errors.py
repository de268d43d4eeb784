"""The one tree of errors.

Every error has a stable ``code`` for machines, a sentence for people, and a ``remedy``: what to do about it.
Messages never hold secrets; :mod:`hub.connect.redaction` cleans what comes from outside before it gets here.
"""

from __future__ import annotations

from typing import ClassVar


class HubError(Exception):
    """Anything the hub refuses or fails to do.

    ``message`` says what happened, ``remedy`` what the reader can do, ``code`` never changes between releases.
    """

    default_code: ClassVar[str] = "hub_error"

    def __init__(self, message: str, *, code: str | None = None, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".rstrip()


class ConfigError(HubError):
    """A setting, workspace, connection or installation is wrong."""

    default_code = "config"


class MoneyError(HubError):
    """An amount or currency that cannot be: mixed currencies, too many decimals, not a number."""

    default_code = "money"


class ExpressionError(HubError):
    """An expression that does not parse or cannot be evaluated on this value."""

    default_code = "expression"


class RecipeError(HubError):
    """A recipe that breaks the language's rules."""

    default_code = "recipe"


class SignatureError(HubError):
    """A delivery whose sender could not be proved. ``code`` is the reason counted under refusals."""

    default_code = "signature"


class DeliveryError(HubError):
    """A delivery that is authentic (or not yet judged) but cannot be read: not JSON, too large, wrong shape."""

    default_code = "delivery"


class NotFoundError(HubError):
    """Something named does not exist."""

    default_code = "not_found"


class ConflictError(HubError):
    """Somebody else changed or took it first."""

    default_code = "conflict"


class UnavailableError(HubError):
    """The hub itself cannot do it now (the database is gone, the disk is full); nothing was kept, try again."""

    default_code = "unavailable"


class ActionError(HubError):
    """A connector's action failed. Use one of the three subclasses: they decide what happens next.

    ``gateway_code`` keeps the outside system's own code, ``details`` its own words, both already redacted.
    """

    default_code = "action"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        remedy: str = "",
        gateway_code: str | None = None,
        details: object = None,
    ) -> None:
        super().__init__(message, code=code, remedy=remedy)
        self.gateway_code = gateway_code
        self.details = details


class TransientError(ActionError):
    """It may work later: network, 429, 5xx, a lock. Retried with back-off; ``retry_after`` (seconds) is honoured."""

    default_code = "transient"

    def __init__(  # noqa: PLR0913 (each is one fact of the failure)
        self,
        message: str,
        *,
        code: str | None = None,
        remedy: str = "",
        gateway_code: str | None = None,
        details: object = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, code=code, remedy=remedy, gateway_code=gateway_code, details=details)
        self.retry_after = retry_after


class PermanentError(ActionError):
    """It will not work however often it is tried: bad data, declined, forbidden. Never retried."""

    default_code = "permanent"


class UncertainError(ActionError):
    """Nobody can say whether it happened (the answer was lost and the system takes no key). A person decides.

    ``doubt``: the key of the call in question, where it was one of several that an action by the hub makes.
    """

    default_code = "uncertain"
    doubt: str | None = None
