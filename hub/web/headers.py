"""The headers that every answer carries: what a page may load, who may frame it, what is kept."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from flask import g, request

if TYPE_CHECKING:
    from flask import Flask, Response

_KEPT_FOREVER = "public, max-age=31536000, immutable"
_YEAR = 31_536_000


def csp_nonce() -> str:
    """The nonce of this answer, for our own inline script and the editor's styles."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    nonce: str = g.csp_nonce
    return nonce


def protect(app: Flask, *, https: bool) -> None:
    """Put the headers on every answer of the application that does not set its own."""

    def add(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", policy(csp_nonce()))
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("X-Frame-Options", "DENY")
        headers.setdefault("Referrer-Policy", "same-origin")
        headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        if https:
            headers.setdefault("Strict-Transport-Security", f"max-age={_YEAR}")
        if request.endpoint == "static" and response.status_code == 200:  # noqa: PLR2004
            headers["Cache-Control"] = _KEPT_FOREVER  # the files' names change with their content
        else:
            headers.setdefault("Cache-Control", "no-store")
        return response

    app.after_request(add)


def policy(  # noqa: PLR0913 (what a page may load and do)
    nonce: str,
    *,
    scripts_of: tuple[str, ...] = (),
    posts_to: str = "",
    framed_by: str = "'none'",
    any_bank: bool = False,
    runs_wasm: bool = False,
) -> str:
    """The content security policy of a page.

    ``scripts_of``: origins of a gateway whose form the page shows; they may bring scripts, frames and styles, and be called.
    ``posts_to``: an origin that a form of the page is posted to. ``framed_by``: the origin that may show it in a frame.
    ``any_bank``: the payer's bank, which may be at any https page, shows its challenge in a frame that a form leads to.
    ``runs_wasm``: a script of ours runs WebAssembly, which it loads from us.
    """
    theirs = "".join(f" {origin}" for origin in scripts_of)
    banks = " https:" if any_bank else ""
    wasm = " 'wasm-unsafe-eval'" if runs_wasm else ""
    styles = f"'unsafe-inline'{theirs}" if scripts_of else f"'nonce-{nonce}'"
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self' 'nonce-{nonce}'{wasm}{theirs}",
            f"style-src 'self' {styles}",
            f"img-src 'self' data:{theirs}",
            f"font-src 'self'{theirs}",
            f"connect-src 'self'{theirs}",
            "object-src 'none'",
            "base-uri 'none'",
            f"form-action 'self'{theirs}{banks} {posts_to}".rstrip(),
            f"frame-src 'self'{theirs}{banks}",
            f"frame-ancestors {framed_by}",
        )
    )


MAIL_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
"""For a mail's HTML in its frame: no script, no form, nothing from outside."""
