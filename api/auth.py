"""Authentication: API keys, stored as hashes, or Entra ID bearer tokens."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import anyio.to_thread
import jwt

from api.errors import ApiError
from api.settings import ApiSettings

KEY_HEADER = "X-API-Key"
DOCS_PATHS = ("/docs", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css")
PUBLIC_PATHS = frozenset({"/", "/health", "/ready", "/openapi.json", *DOCS_PATHS})
"""Public paths for probes and documentation; they expose no business data."""

_REMEMBERED_TOKENS = 1024
_LEEWAY_SECONDS = 30


def hash_key(key: str) -> str:
    """SHA-256 of an API key in hex. Keys are random, so a slow hash would add no protection."""
    return hashlib.sha256(key.encode()).hexdigest()


@dataclass(frozen=True)
class Caller:
    """The caller and whether they may write."""

    name: str
    may_write: bool


ANYBODY = Caller("anonymous", True)
"""The caller where authentication is off, on one machine only."""


class Authenticator:
    """Authenticates callers."""

    def __init__(self, settings: ApiSettings) -> None:
        self._required = settings.auth == "on"
        self._keys = settings.key_hashes
        self._settings = settings
        self._writers = settings.may_write
        self._tokens: OrderedDict[str, tuple[float, Caller]] = OrderedDict()
        self._signing_keys: jwt.PyJWKClient | None = None
        if settings.entra_enabled:
            self._signing_keys = jwt.PyJWKClient(settings.jwks_url, lifespan=3600, timeout=5)

    @property
    def required(self) -> bool:
        """Whether paths other than the public ones need a key or a token."""
        return self._required

    def at_once(self, key: str | None, authorization: str | None) -> Caller | None:
        """The caller, if known without I/O.

        Raises:
            ApiError: the key is unknown (kind `unauthorized`).
        """
        if not self._required:
            return ANYBODY
        if key is None and authorization is not None and authorization[:7].lower() == "apikey ":
            key = authorization[7:].strip()
        if key is not None:
            # the lookup is by hash, so its time reveals nothing about a key
            name = self._keys.get(hash_key(key))
            if name is None:
                raise self._refusal("Unknown API key.")
            return Caller(name, name in self._writers)
        if authorization is not None:
            remembered = self._tokens.get(hash_key(authorization))
            if remembered is not None and remembered[0] > time.time():
                return remembered[1]
        return None

    async def by_token(self, authorization: str | None) -> Caller:
        """The caller from a bearer token.

        Raises:
            ApiError: the token is missing or invalid (`unauthorized`), or lacks the role (`forbidden`).
        """
        if authorization is None:
            ways = [f"header {KEY_HEADER}"] if self._keys else []
            ways += ["Entra ID bearer token"] if self._signing_keys else []
            raise self._refusal(f"Authenticate with: {' or '.join(ways)}.")
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token or self._signing_keys is None:
            raise self._refusal("This kind of Authorization is not accepted here.")
        claims = await anyio.to_thread.run_sync(self._verify, token.strip(), abandon_on_cancel=True)
        self._check_role(claims)
        name = str(claims.get("preferred_username") or claims.get("azp") or claims.get("appid") or claims["sub"])
        who = Caller(name, bool(self._writers & _roles(claims)))
        self._tokens[hash_key(authorization)] = (float(claims["exp"]), who)
        while len(self._tokens) > _REMEMBERED_TOKENS:
            self._tokens.popitem(last=False)
        return who

    def _verify(self, token: str) -> dict[str, Any]:
        assert self._signing_keys is not None
        try:
            signing_key = self._signing_keys.get_signing_key_from_jwt(token)
            claims: dict[str, Any] = jwt.decode(
                token,
                signing_key.key,
                algorithms=["RS256"],
                audience=self._settings.entra_audience,
                issuer=self._settings.issuer,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        except jwt.PyJWKClientConnectionError:
            raise ApiError(
                "identity-unavailable",
                "The signing keys of Entra ID could not be fetched. Try again.",
                headers={"Retry-After": "5"},
            ) from None
        except jwt.ExpiredSignatureError:
            raise self._refusal("The token has expired.", "invalid_token") from None
        except (jwt.PyJWTError, ValueError):
            # no details, which would only help a forger
            raise self._refusal("The token is invalid.", "invalid_token") from None
        if claims.get("tid", self._settings.entra_tenant_id) != self._settings.entra_tenant_id:
            raise self._refusal("The token is invalid.", "invalid_token")
        return claims

    def _refusal(self, detail: str, error: str | None = None) -> ApiError:
        """401, with a challenge for each accepted scheme."""
        challenges = [f'ApiKey realm="retail-demand", header="{KEY_HEADER}"'] if self._keys else []
        if self._signing_keys is not None:
            challenges.append('Bearer realm="retail-demand"' + (f', error="{error}"' if error else ""))
        return ApiError("unauthorized", detail, headers={"WWW-Authenticate": ", ".join(challenges)})

    def _check_role(self, claims: dict[str, Any]) -> None:
        wanted = self._settings.roles
        if not wanted:
            return
        if not wanted & _roles(claims):
            raise ApiError("forbidden", f"The token needs one of these roles: {', '.join(sorted(wanted))}.")


def _roles(claims: dict[str, Any]) -> set[str]:
    """Roles and scopes of a token."""
    roles = claims.get("roles") or []
    return set(roles if isinstance(roles, list) else [roles]) | set(str(claims.get("scp") or "").split())
