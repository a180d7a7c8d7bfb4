"""Who may use the server: bearer tokens, or, where there are none, programs on this machine.

A request that may not pass is answered before a byte of its body is read. Of the routes this file
knows only which are open to all.
"""

import hashlib
import hmac
import ipaddress
import os
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seal.errors import SealError

OPEN_PATHS = ("/healthz", "/readyz", "/openapi.json")
"""Addresses that need no token."""

MIN_TOKEN_LENGTH = 16
"""Characters."""


def read_tokens(file: Path | None) -> tuple[str, ...]:
    """The tokens of a file, one a line ('#' begins a comment), and those of SEAL_TOKENS, which are
    separated by commas or spaces. Raises SealError for an unreadable file or a weak token."""
    tokens = os.environ.get("SEAL_TOKENS", "").replace(",", " ").split()
    name = "SEAL_TOKENS"
    if file is not None:
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise SealError(f"--token-file: {file} cannot be read ({error})") from None
        in_file = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        if not in_file:
            raise SealError(f"--token-file: {file} holds no token; write one a line")
        tokens += in_file
        name = f"SEAL_TOKENS or {file}"
    for number, token in enumerate(tokens, start=1):
        if len(token) < MIN_TOKEN_LENGTH or not token.isascii() or " " in token:
            raise SealError(
                f"{name}: token {number} is no run of {MIN_TOKEN_LENGTH} or more ASCII characters;"
                " make one with: openssl rand -hex 32"
            )
    return tuple(tokens)


def is_loopback(host: str) -> bool:
    """Whether that name or address stands for this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def owner_of(token: str) -> str:
    """The mark of a token's jobs, so that other tokens cannot reach them."""
    return hashlib.sha256(token.encode()).hexdigest()[:32]


def _from_elsewhere(headers: Headers) -> bool:
    """Whether a browser sends this for a page of another machine. Browsers send forms and simple
    requests without asking the server first."""
    origin = headers.get("origin")
    if origin is not None:
        try:
            return not is_loopback(urlsplit(origin).hostname or "")
        except ValueError:  # no address at all
            return True
    return headers.get("sec-fetch-site") in ("cross-site", "same-site")


class SafeHeaders:
    """The application, each answer of which tells browsers to take it for data and for no page."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and add to the answer's headers."""

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        await self._app(scope, receive, marked)


class Guard:
    """The application behind its tokens. `scope["state"]["owner"]` is the owner of a request."""

    def __init__(self, app: ASGIApp, tokens: tuple[str, ...]) -> None:
        self._app = app
        self._tokens = [token.encode() for token in tokens]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        scope.setdefault("state", {})["owner"] = ""
        if not self._tokens:
            # Without this check a web page could reach us under its own name (DNS rebinding).
            host = headers.get("host", "").rsplit(":", 1)[0] or "localhost"
            if not is_loopback(host):
                line = "without tokens only localhost is served; ask for http://127.0.0.1"
                await JSONResponse({"error": line}, 400)(scope, receive, send)
                return
            if _from_elsewhere(headers):
                line = "a page of another site may not use this server"
                await JSONResponse({"error": line}, 403)(scope, receive, send)
                return
        elif scope["path"] not in OPEN_PATHS:
            token = self._valid_token(headers.get("authorization", ""))
            if token is None:
                answer = JSONResponse(
                    {"error": "a valid token is needed: Authorization: Bearer TOKEN"},
                    401,
                    {"WWW-Authenticate": "Bearer"},
                )
                await answer(scope, receive, send)
                return
            scope["state"]["owner"] = owner_of(token)
        await self._app(scope, receive, send)

    def _valid_token(self, header: str) -> str | None:
        """The token of an Authorization header; None if it is not one of ours."""
        kind, _, rest = header.partition(" ")
        offered = rest.strip().encode("utf-8", "replace")
        # Every token is compared, each in constant time: the answer's delay reveals nothing.
        matches = [hmac.compare_digest(offered, token) for token in self._tokens]
        return offered.decode() if any(matches) and kind.lower() == "bearer" else None
