"""Protects a WSGI or ASGI application with the registry's access tokens.

One file, for Python 3.11 or later with PyJWT and cryptography (Debian: python3-jwt). Copy it beside your application:

    from edge_registry import KeySet, Protection

    protection = Protection(
        KeySet('https://auth.example.org'), ['files:read'], audience='https://files.example'
    )
    application = protection.wsgi(application)    # environ['edge_registry.session'] is the Session
    application = protection.asgi(application)    # scope['edge_registry.session'] likewise

KeySet verifies signed tokens alone, and sees no revocation. Introspection asks the registry about each token. Both refuse as
the registry's authenticator does: 401, 403, or 503 where it cannot be found out; never is a request let through then.
The decisions are those of test/vectors.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import http.client
import json
import logging
import math
import re
import threading
import time
import urllib.error
import urllib.request
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote, urlencode, urlsplit

from jwt.algorithms import Algorithm, ECAlgorithm, OKPAlgorithm, RSAAlgorithm, RSAPSSAlgorithm

__all__ = ['Introspection', 'KeySet', 'Protection', 'Refusal', 'Session', 'Unavailable', 'resource_metadata']

log = logging.getLogger('edge_registry')

SESSION = 'edge_registry.session'
"""The key of the Session in WSGI's `environ` and ASGI's `scope`."""


class Unavailable(Exception):
    """The registry cannot be asked, or gave no answer that can be understood. Holds no token."""


@dataclass(frozen=True)
class Session:
    """What a token allows.

    `sub`: the user's id, or the client's own where it acts for itself. `username`: '' where it is not known. `audience`: URIs
    of the resources it is for. `jkt`: thumbprint (RFC 7638) of the key that it is bound to. `expires_at`: epoch seconds.
    """

    sub: str
    client_id: str
    scopes: tuple[str, ...]
    audience: tuple[str, ...]
    endorsements: tuple[str, ...]
    jkt: str | None
    username: str
    expires_at: float


@dataclass(frozen=True)
class Refusal:
    """A refused request: a whole response. `error` and `reason` are those of the JSON body."""

    status: int
    error: str
    reason: str
    challenge: str | None

    @property
    def headers(self) -> list[tuple[str, str]]:
        found = [('Content-Type', 'application/json'), ('Cache-Control', 'no-store')]
        if self.challenge is not None:
            found.append(('WWW-Authenticate', self.challenge))
        if self.status == 503:
            found.append(('Retry-After', '5'))
        return found

    @property
    def body(self) -> bytes:
        said = {'error': self.error, 'error_description': self.reason, 'reason': self.reason}
        return json.dumps(said, separators=(',', ':')).encode()


class Check(Protocol):
    """How a token is looked up."""

    needs_audience: bool

    def find(self, token: str, now: float) -> Session | None:
        """The session of a token that is good at `now` (epoch seconds); None for another. Raises Unavailable."""


# Scopes, endorsements and resources: forms, and what covers what.

_SCOPE = re.compile(r'[!#-\[\]-~]{1,256}', re.ASCII)
_HIERARCHY = re.compile(r'([a-z][a-z0-9_-]*:[a-z][a-z0-9_-]*)(?::(\*|[A-Za-z0-9._~/-]+))?', re.ASCII)
_ENDORSEMENT = re.compile(r'\*\.\*|[a-z][a-z-]*(\.(\*|[A-Za-z][A-Za-z-]*))?', re.ASCII)
_RESOURCE = re.compile(r'([a-z][a-z0-9+.-]*):(?://([^/?]*))?([^?]*)(\?.*)?', re.ASCII | re.IGNORECASE)
_AUTHORITY = re.compile(r'(\[[0-9a-f:.]+\]|[^@%:\[\]]+):?(\d*)', re.ASCII | re.IGNORECASE)
_PRINTABLE = re.compile(r'[!$-\[\]-~]{1,256}', re.ASCII)
_DEFAULT_PORTS = {'http': '80', 'https': '443'}


def _is_scope(text: str) -> bool:
    return _SCOPE.fullmatch(text) is not None


def _holds_scope(held: Iterable[str], asked: str) -> bool:
    """`d:a:*` covers every resource and the generic `d:a`; `d:a` does not cover `d:a:ID`."""
    for one in held:
        if one == asked:
            return True
        if one.endswith(':*') and f'{asked}:'.startswith(one[:-1]):
            if _HIERARCHY.fullmatch(one) and _HIERARCHY.fullmatch(asked):
                return True
    return False


def _is_endorsed(held: Iterable[str], category: str) -> bool:
    """`cs.*` covers `cs.DL`; `*.*` covers all; `hep-th.*` covers `hep-th`."""
    return any(
        one in (category, '*.*') or (one.endswith('.*') and f'{category}.'.startswith(one[:-1]))
        for one in held
    )


def _canonical(uri: str) -> str | None:
    """Scheme and host in lower case, no default port, no lone slash; None if it is not the URI of a resource (RFC 8707 §2)."""
    match = _RESOURCE.fullmatch(uri) if _PRINTABLE.fullmatch(uri) else None
    if match is None:
        return None
    scheme, authority, path, query = match[1].lower(), match[2], match[3], match[4] or ''
    if authority is None:
        return None if path == '' or scheme in _DEFAULT_PORTS else f'{scheme}:{path}{query}'
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        return None
    port = parts[2].lstrip('0') or ('0' if parts[2] else '')
    shown = '' if port in ('', _DEFAULT_PORTS.get(scheme)) else f':{port}'
    return f'{scheme}://{parts[1].lower()}{shown}{"" if path == "/" else path}{query}'


# JWS (RFC 7515). PyJWT's algorithms verify; which one is decided by the key and never by the token (RFC 8725 §3.1).

_COMPACT = re.compile(r'([\w-]+)\.([\w-]+)\.([\w-]+)', re.ASCII)
_SIGNED_TOKEN = re.compile(r'eyJ[\w-]+\.eyJ[\w-]+\.[\w-]{86}', re.ASCII)
_MAX_SIGNED_TOKEN = 8192
_MIN_RSA_BITS = 2048
PROOF_ALGORITHMS = ('RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519')
_PRIVATE_MEMBERS = {'d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'}
_THUMBPRINT_MEMBERS = {'EC': ('crv', 'kty', 'x', 'y'), 'OKP': ('crv', 'kty', 'x'), 'RSA': ('e', 'kty', 'n')}


def _encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b'=').decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))


def _digest(text: str) -> str:
    return _encode(hashlib.sha256(text.encode()).digest())


def _no_member_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError('a member is there twice')
    return found


def _object(text: bytes) -> dict[str, Any]:
    """Raises ValueError unless the text is a JSON object without a repeated member."""
    value = json.loads(text.decode('utf-8'), object_pairs_hook=_no_member_twice)
    if not isinstance(value, dict):
        raise ValueError('not an object')
    return value


def _thumbprint(jwk: dict[str, Any]) -> str:
    """RFC 7638. Raises KeyError for an unknown type or a missing member."""
    members = {name: jwk[name] for name in _THUMBPRINT_MEMBERS[jwk['kty']]}
    return _digest(json.dumps(members, separators=(',', ':'), ensure_ascii=False))


@dataclass(frozen=True)
class _PublicKey:
    key: Any
    algorithms: dict[str, Algorithm]
    """Those that the type of the key allows, by their `alg`."""

    @staticmethod
    def of(jwk: dict[str, Any]) -> _PublicKey | None:
        """None for a key of another type. Raises an exception of its library for a malformed one."""
        kind = (jwk.get('kty'), jwk.get('crv'))
        if _PRIVATE_MEMBERS & jwk.keys():
            return None
        if kind == ('EC', 'P-256'):
            return _PublicKey(ECAlgorithm.from_jwk(json.dumps(jwk)), {'ES256': ECAlgorithm(ECAlgorithm.SHA256)})
        if kind == ('OKP', 'Ed25519'):
            both = OKPAlgorithm()
            return _PublicKey(OKPAlgorithm.from_jwk(json.dumps(jwk)), {'EdDSA': both, 'Ed25519': both})
        if kind == ('RSA', None):
            key = RSAAlgorithm.from_jwk(json.dumps(jwk))
            if key.key_size < _MIN_RSA_BITS:
                return None
            sha256 = RSAAlgorithm.SHA256
            return _PublicKey(key, {'RS256': RSAAlgorithm(sha256), 'PS256': RSAPSSAlgorithm(sha256)})
        return None

    def verifies(self, jws: str, alg: Any) -> bool:
        signed, _, signature = jws.rpartition('.')
        algorithm = self.algorithms.get(alg) if isinstance(alg, str) else None
        return algorithm is not None and algorithm.verify(signed.encode(), self.key, _decode(signature))


def _texts(value: Any) -> tuple[str, ...] | None:
    if isinstance(value, list) and all(isinstance(one, str) and one != '' for one in value):
        return tuple(dict.fromkeys(value))
    return None


_LAST_SECOND = 8_640_000_000_000


def _is_second(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LAST_SECOND


def _session_of(claims: dict[str, Any]) -> Session | None:
    """None if a claim is missing or malformed. A binding that is not understood must not pass as none."""
    sub, client_id, scope = claims.get('sub'), claims.get('client_id'), claims.get('scope')
    aud, exp, username = claims.get('aud', []), claims.get('exp'), claims.get('username', '')
    audience = _texts([aud] if isinstance(aud, str) else aud)
    endorsements = _texts(claims.get('endorsements', []))
    if not all(isinstance(text, str) and text for text in (sub, client_id)) or not isinstance(scope, str):
        return None
    if audience is None or endorsements is None or not all(map(_is_second, (exp, claims.get('iat')))):
        return None
    scopes = tuple(dict.fromkeys(filter(None, scope.split(' '))))
    if not all(map(_is_scope, scopes)) or not all(map(_ENDORSEMENT.fullmatch, endorsements)):
        return None
    jkt = None
    if 'cnf' in claims:
        cnf = claims['cnf']
        jkt = cnf.get('jkt') if isinstance(cnf, dict) and list(cnf) == ['jkt'] else None
        if not isinstance(jkt, str) or jkt == '':
            return None
    named = username if isinstance(username, str) else ''
    return Session(sub, client_id, scopes, audience, endorsements, jkt, named, exp)


# Requests to the registry.

_MAX_ANSWER_BYTES = 65_536


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirects)


def _ask(request: urllib.request.Request, timeout_seconds: float) -> dict[str, Any]:
    """The JSON object of an answer with status 200. Raises Unavailable for everything else."""
    ends = time.monotonic() + timeout_seconds
    try:
        with _opener.open(request, timeout=timeout_seconds) as answer:
            if answer.status != 200:
                raise Unavailable(f'the registry answered {answer.status}')
            body = b''
            while chunk := answer.read1(_MAX_ANSWER_BYTES):
                body += chunk
                if len(body) > _MAX_ANSWER_BYTES:
                    raise Unavailable('the answer of the registry is too long')
                if time.monotonic() > ends:
                    raise Unavailable('the answer of the registry takes too long')
            return _object(body)
    except urllib.error.HTTPError as fault:
        fault.close()
        raise Unavailable(f'the registry answered {fault.code}') from None
    except (OSError, http.client.HTTPException, ValueError, RecursionError) as fault:
        raise Unavailable(f'the registry cannot be asked: {type(fault).__name__}') from None


def _issuer(text: str) -> str:
    parts = urlsplit(text)
    is_loopback = parts.scheme == 'http' and parts.hostname in ('127.0.0.1', '::1', 'localhost')
    if not (parts.scheme == 'https' or is_loopback) or f'{parts.scheme}://{parts.netloc}' != text:
        raise ValueError('the issuer must be an https origin, or http on a loopback address, without a path')
    if '@' in parts.netloc:
        raise ValueError('the issuer must not carry a password')
    return text


class KeySet:
    """Verifies signed tokens (RFC 9068) with the keys at the registry's /jwks.json.

    The keys are read again after five minutes, and at once for an unknown `kid`, but not more often than every ten seconds.
    While the registry does not answer they are used for a day. A revocation is not seen: a token is good until it expires.
    Raises ValueError for a bad issuer.
    """

    needs_audience = True

    REFRESHED_SECONDS = 300
    KEPT_SECONDS = 86_400
    PAUSE_SECONDS = 10
    FIRST_PAUSE_SECONDS = 1
    LONGEST_TOKEN_SECONDS = 3600
    CLOCKS_DIFFER_SECONDS = 60

    def __init__(self, issuer: str, *, timeout_seconds: float = 5) -> None:
        self._issuer = _issuer(issuer)
        self._timeout_seconds = timeout_seconds
        self._keys: dict[str, _PublicKey] = {}
        self._read_at = -math.inf
        self._tried_at = -math.inf
        self._reading = threading.Lock()

    def find(self, token: str, now: float) -> Session | None:
        if len(token) > _MAX_SIGNED_TOKEN or not _SIGNED_TOKEN.fullmatch(token):
            return None
        try:
            header, claims = (_object(_decode(part)) for part in token.split('.')[:2])
        except (ValueError, RecursionError):
            return None
        if header.get('typ') not in ('at+jwt', 'application/at+jwt') or 'crit' in header:
            return None
        key = self._key(header.get('kid'), now)
        if key is None or not key.verifies(token, header.get('alg')):
            return None
        return self._valid(claims, now)

    def _valid(self, claims: dict[str, Any], now: float) -> Session | None:
        session = _session_of(claims)
        jti, nbf = claims.get('jti'), claims.get('nbf', 0)
        if session is None or not session.audience or claims.get('iss') != self._issuer:
            return None
        if not isinstance(jti, str) or jti == '' or not isinstance(nbf, (int, float)) or nbf > now:
            return None
        begins_in = claims['iat'] - now
        is_timely = now < session.expires_at and begins_in <= self.CLOCKS_DIFFER_SECONDS
        lives = session.expires_at - claims['iat']
        return session if is_timely and lives <= self.LONGEST_TOKEN_SECONDS else None

    def _key(self, kid: Any, now: float) -> _PublicKey | None:
        """Raises Unavailable where it cannot be known whether there is such a key."""
        if not isinstance(kid, str) or not re.fullmatch(r'[\w-]{43}', kid, re.ASCII):
            return None
        key = self._kept(kid, now)
        if key is not None and now - self._read_at < self.REFRESHED_SECONDS:
            return key
        self._refresh(now, is_waiting=key is None)
        key = self._kept(kid, now)
        if key is not None or now - self._read_at < self._pause(now):
            return key
        raise Unavailable('the keys of the registry are not known')

    def _kept(self, kid: str, now: float) -> _PublicKey | None:
        return self._keys.get(kid) if now - self._read_at < self.KEPT_SECONDS else None

    def _pause(self, now: float) -> float:
        has_keys = now - self._read_at < self.KEPT_SECONDS
        return self.PAUSE_SECONDS if has_keys else self.FIRST_PAUSE_SECONDS

    def _refresh(self, now: float, *, is_waiting: bool) -> None:
        """Reads the keys, unless that was tried just now. A caller whose key is known does not wait for another thread's read."""
        if not self._reading.acquire(blocking=is_waiting):
            return
        try:
            if now - self._tried_at < self._pause(now):
                return
            self._tried_at = now
            self._keys = self._read()
            self._read_at = now
        except Unavailable as fault:
            log.warning('key_set_not_read: %s', fault)
        finally:
            self._reading.release()

    def _read(self) -> dict[str, _PublicKey]:
        request = urllib.request.Request(f'{self._issuer}/jwks.json', headers={'Accept': 'application/json'})
        jwks = _ask(request, self._timeout_seconds).get('keys')
        if not isinstance(jwks, list):
            raise Unavailable('the key set has no list of keys')
        found: dict[str, _PublicKey] = {}
        for jwk in jwks:
            # RFC 7517 §4.2, §5: a key for another purpose, or of an unknown type, is left out.
            if not isinstance(jwk, dict) or jwk.get('use', 'sig') != 'sig' or jwk.get('kty') == 'RSA':
                continue
            try:
                key = _PublicKey.of(jwk)
                if key is not None:
                    found[_thumbprint(jwk)] = key
            except Exception:  # Each library of a key type raises exceptions of its own.
                continue
        if jwks and not found:
            raise Unavailable('the key set has no key that can be used')
        return found


_OPAQUE_TOKEN = re.compile(r'reg_[\w-]{43}[0-9A-Za-z]{6}', re.ASCII)


class Introspection:
    """Asks the registry's /introspect (RFC 7662) about each token, as a client made with `client create --may-introspect`.

    An answer is used again for `cache_seconds`, never past the token's expiry, and one that a token is not active for two
    seconds at most. A revocation counts that much later. `cache_size` is the number of tokens. Raises ValueError for bad
    options.
    """

    needs_audience = False

    NEGATIVE_SECONDS = 2

    def __init__(
        self,
        issuer: str,
        client_id: str,
        client_secret: str,
        *,
        cache_seconds: float = 10,
        cache_size: int = 1000,
        timeout_seconds: float = 5,
    ) -> None:
        if not client_id or not client_secret or cache_size < 1:
            raise ValueError('name client_id and client_secret, and a cache_size of 1 or more')
        # RFC 6749 §2.3.1: form-encoded, then Basic.
        pair = ':'.join(quote(text, safe='') for text in (client_id, client_secret))
        self._credential = f'Basic {base64.b64encode(pair.encode()).decode()}'
        self._url = f'{_issuer(issuer)}/introspect'
        self._cache_seconds = cache_seconds
        self._cache_size = cache_size
        self._timeout_seconds = timeout_seconds
        # Apart, so that made-up tokens do not displace good ones.
        self._active: OrderedDict[str, tuple[Session | None, float]] = OrderedDict()
        self._inactive: OrderedDict[str, tuple[Session | None, float]] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, token: str, now: float) -> Session | None:
        if not _OPAQUE_TOKEN.fullmatch(token) and not _SIGNED_TOKEN.fullmatch(token):
            return None
        if len(token) > _MAX_SIGNED_TOKEN:
            return None
        key = _digest(token)
        with self._lock:
            kept = self._active.get(key) or self._inactive.get(key)
        if kept is not None and now < kept[1]:
            return kept[0]
        session = self._answer(token)
        if session is not None and now >= session.expires_at:
            session = None
        longest = now + self.NEGATIVE_SECONDS if session is None else session.expires_at
        with self._lock:
            self._active.pop(key, None)
            self._inactive.pop(key, None)
            memory = self._inactive if session is None else self._active
            memory[key] = (session, min(now + self._cache_seconds, longest))
            while len(memory) > self._cache_size:
                memory.popitem(last=False)
        return session

    def _answer(self, token: str) -> Session | None:
        form = urlencode({'token': token, 'token_type_hint': 'access_token'}).encode()
        headers = {'Authorization': self._credential, 'Accept': 'application/json'}
        claims = _ask(urllib.request.Request(self._url, form, headers), self._timeout_seconds)
        # A refresh token is active too, and has no `token_type`.
        if claims.get('active') is False or (claims.get('active') is True and 'token_type' not in claims):
            return None
        session = _session_of({'scope': '', **claims}) if claims.get('active') is True else None
        if session is None:
            raise Unavailable('/introspect answered with a member missing or malformed')
        return session


# The decision.

_CREDENTIALS = re.compile(r'(Bearer|DPoP) +([A-Za-z0-9._~+/-]+=*)', re.ASCII | re.IGNORECASE)
_BAD_HEADER = 'The Authorization header does not carry an access token.'
_BAD_TOKEN = 'The access token is unknown, expired or revoked.'
_WRONG_AUDIENCE = 'The access token is not for this resource.'
_BOUND = 'The access token is bound to a key: present it with the scheme DPoP and a proof.'
_NOT_BOUND = 'The access token is not bound to a key: present it with the scheme Bearer.'
_STATUSES = {'invalid_token': 401, 'invalid_dpop_proof': 401, 'insufficient_scope': 403}

UNAVAILABLE = Refusal(503, 'temporarily_unavailable', 'temporarily unavailable', None)

_PROOF_WINDOW_SECONDS = 60
_MAX_JTI = 256
_MAX_PROOFS = 10_000


@dataclass(frozen=True)
class Asked:
    """A request: `url` is absolute, as the caller addressed it. `header(name)` joins repeated headers with a comma."""

    method: str
    url: str
    header: Callable[[str], str | None]


class Protection:
    """Decides about requests: only a session that holds every one of `scopes` is let through; none: any session.

    `audience`: the URI of this service, as the registry has it (RFC 8707); KeySet needs it. `resource`, `category`: what the
    request names, from `environ` or `scope`; None if it names none. `authorizer(session, resource, environ)`: may a session
    that holds only the generic scope use the resource? Only True lets it. `resource_metadata`: the URL of RFC 9728's document.
    `origin`: what callers address, which a DPoP proof names; set it behind a proxy, and where a caller chooses `Host`.
    Raises ValueError for bad options. A proof is accepted once by this process.
    """

    def __init__(
        self,
        check: Check,
        scopes: Sequence[str] = (),
        *,
        audience: str | None = None,
        resource: Callable[[Any], str | None] | None = None,
        category: Callable[[Any], str | None] | None = None,
        authorizer: Callable[[Session, str, Any], bool] | None = None,
        resource_metadata: str | None = None,
        origin: str | None = None,
    ) -> None:
        if isinstance(scopes, str):
            raise ValueError('scopes is a list')
        if not all(map(_is_scope, scopes)):
            raise ValueError('a scope has 1 to 256 printable ASCII characters, without spaces, quotation marks and backslashes')
        self._audience = None if audience is None else _canonical(audience)
        if audience is not None and self._audience is None:
            raise ValueError('the audience must be an absolute URI without a user and a fragment')
        if check.needs_audience and audience is None:
            # RFC 9068 §4: a token that is signed for another service verifies too.
            raise ValueError('a key set needs the audience of this service')
        if resource is not None and not (scopes and all(self._is_generic(scope) for scope in scopes)):
            raise ValueError('a resource needs scopes of the form domain:action')
        if authorizer is not None and resource is None:
            raise ValueError('an authorizer needs a resource to decide about')
        if resource_metadata is not None and not re.fullmatch(r'https?://[!#-\[\]-~]+', resource_metadata):
            raise ValueError('resource_metadata must be an absolute URL')
        self._check = check
        self._scopes = tuple(scopes)
        self._resource = resource
        self._category = category
        self._authorizer = authorizer
        self._resource_metadata = resource_metadata
        self._origin = None if origin is None else _issuer(origin)
        self._proofs: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._lock = threading.Lock()

    @staticmethod
    def _is_generic(scope: str) -> bool:
        match = _HIERARCHY.fullmatch(scope)
        return match is not None and match[2] is None

    def decide(self, asked: Asked, request: Any = None) -> Session | Refusal:
        """`request` is what the functions `resource`, `category` and `authorizer` get. What they raise is raised."""
        try:
            caller = self._caller(asked)
        except Unavailable as fault:
            log.error('caller_unknown: %s', fault)
            return UNAVAILABLE
        if isinstance(caller, Refusal):
            return caller
        return self._objection(caller, request) or caller

    def _caller(self, asked: Asked) -> Session | Refusal:
        header = asked.header('Authorization')
        if header is None:
            # RFC 6750 §3.1: no error code if nothing was presented.
            return Refusal(401, 'authentication_required', 'Authentication is required.', self._challenge('Bearer', []))
        match = _CREDENTIALS.fullmatch(header)
        if match is None:
            return self._refuse('invalid_token', _BAD_HEADER)
        token, scheme = match[2], 'DPoP' if match[1].lower() == 'dpop' else 'Bearer'
        now = time.time()
        proof = self._proof(asked, token, now) if scheme == 'DPoP' else None
        if isinstance(proof, str):
            return self._bad_proof(proof)
        session = self._check.find(token, now)
        if session is None:
            return self._refuse('invalid_token', _BAD_TOKEN, scheme)
        # RFC 9449 §7.1, §7.2: a bound token is not good as Bearer, nor an unbound one with a proof.
        if (session.jkt is None) != (proof is None):
            return self._refuse('invalid_token', _NOT_BOUND if session.jkt is None else _BOUND, 'DPoP')
        if proof is not None and proof[0] != session.jkt:
            return self._bad_proof('the token is bound to another key')
        # Last, so that a refused request uses no proof up.
        if proof is not None and not self._is_new(proof):
            return self._bad_proof('it was used before')
        return session

    def _objection(self, session: Session, request: Any) -> Refusal | None:
        scheme = 'Bearer' if session.jkt is None else 'DPoP'
        if self._audience is not None and self._audience not in session.audience:
            return self._refuse('invalid_token', _WRONG_AUDIENCE, scheme)
        named = self._resource(request) if self._resource else None
        if not self._is_allowed(session, named, request):
            return self._refuse('insufficient_scope', 'The session does not hold the scope.', scheme)
        category = self._category(request) if self._category else None
        if category is not None and not _is_endorsed(session.endorsements, category):
            return self._refuse('insufficient_scope', 'The session is not endorsed for the category.', scheme)
        return None

    def _is_allowed(self, session: Session, named: str | None, request: Any) -> bool:
        held = session.scopes
        if named is None:
            return all(_holds_scope(held, scope) for scope in self._scopes)
        # `:*` covers every resource, also one whose id no scope could name.
        lacking = [
            scope
            for scope in self._scopes
            if not _holds_scope(held, f'{scope}:{named}') and f'{scope}:*' not in held
        ]
        if not lacking:
            return True
        if self._authorizer is None or not all(_holds_scope(held, scope) for scope in lacking):
            return False
        return self._authorizer(session, named, request) is True

    def _challenge(self, scheme: str, parameters: list[tuple[str, str]]) -> str:
        given = [
            *parameters,
            ('scope', ' '.join(self._scopes)),
            ('algs', ' '.join(PROOF_ALGORITHMS) if scheme == 'DPoP' else ''),
            ('realm', 'registry'),
            ('resource_metadata', self._resource_metadata or ''),
        ]
        return f'{scheme} ' + ', '.join(f'{name}="{value}"' for name, value in given if value)

    def _refuse(self, error: str, reason: str, scheme: str = 'Bearer') -> Refusal:
        challenge = self._challenge(scheme, [('error', error), ('error_description', reason)])
        return Refusal(_STATUSES[error], error, reason, challenge)

    def _bad_proof(self, why: str) -> Refusal:
        return self._refuse('invalid_dpop_proof', f'The DPoP proof is not valid for this request: {why}.', 'DPoP')

    def _is_new(self, proof: tuple[str, str]) -> bool:
        with self._lock:
            if proof in self._proofs:
                return False
            self._proofs[proof] = None
            while len(self._proofs) > _MAX_PROOFS:
                self._proofs.popitem(last=False)
            return True

    def _proof(self, asked: Asked, token: str, now: float) -> tuple[str, str] | str:
        """RFC 9449 §4.3: the thumbprint of the key and the `jti`; or which check failed."""
        header = asked.header('DPoP')
        if header is None:
            return 'it is missing'
        url = asked.url if self._origin is None else self._origin + _path_of(asked.url)
        proven = _proven(header)
        if proven is None:
            return 'not a dpop+jwt that is signed with the public key in its header'
        thumbprint, claims = proven
        iat, jti, htu = claims.get('iat'), claims.get('jti'), claims.get('htu')
        if claims.get('htm') != asked.method:
            return 'htm is not the method of the request'
        if not isinstance(htu, str) or _normal(htu) is None or _normal(htu) != _normal(url):
            return 'htu is not the URI of the request'
        if not isinstance(iat, (int, float)) or isinstance(iat, bool):
            return 'iat is missing'
        if not abs(iat) <= _LAST_SECOND:
            return 'iat is no moment'
        if not abs(math.floor(now) - iat) <= _PROOF_WINDOW_SECONDS:
            return f'iat is {math.floor(now) - iat} s ago'
        if not isinstance(jti, str) or not 0 < len(jti) <= _MAX_JTI:
            return 'jti is missing or too long'
        if claims.get('ath') != _digest(token):
            return 'ath is not the digest of the access token'
        return thumbprint, jti

    # Adapters.

    def wsgi(self, application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
        """The application behind this protection. Its `environ` has the Session under `edge_registry.session`."""

        def protected(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            def header(name: str) -> str | None:
                return environ.get(f'HTTP_{name.upper().replace("-", "_")}')

            decision = self.decide(Asked(environ['REQUEST_METHOD'], _wsgi_url(environ), header), environ)
            if isinstance(decision, Refusal):
                start_response(f'{decision.status} {_PHRASES[decision.status]}', decision.headers)
                return [decision.body]
            return application({**environ, SESSION: decision}, start_response)

        return protected

    def asgi(self, application: Callable[..., Any]) -> Callable[..., Any]:
        """As `wsgi`, for HTTP and WebSocket; a refused WebSocket is closed before it is accepted."""

        async def protected(scope: dict[str, Any], receive: Any, send: Any) -> None:
            if scope['type'] not in ('http', 'websocket'):
                await application(scope, receive, send)
                return

            def header(name: str) -> str | None:
                wanted = name.lower().encode()
                values = [value.decode('latin-1') for key, value in scope['headers'] if key.lower() == wanted]
                return ', '.join(values) if values else None

            asked = Asked(scope.get('method', 'GET'), _asgi_url(scope, header), header)
            # The registry may have to be asked, which must not block the event loop.
            decision = await asyncio.to_thread(self.decide, asked, scope)
            if not isinstance(decision, Refusal):
                await application({**scope, SESSION: decision}, receive, send)
            elif scope['type'] == 'websocket':
                await send({'type': 'websocket.close', 'code': 1008, 'reason': decision.reason})
            else:
                headers = [(name.lower().encode(), value.encode()) for name, value in decision.headers]
                await send({'type': 'http.response.start', 'status': decision.status, 'headers': headers})
                await send({'type': 'http.response.body', 'body': decision.body})

        return protected


_PHRASES = {401: 'Unauthorized', 403: 'Forbidden', 503: 'Service Unavailable'}
_UNRESERVED = frozenset('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~')
_PATH = "/:@!$&'()*+,;=-._~"


# RFC 9110 §7.2. Servers accept any text, also one with a path, which would change the URL of a DPoP proof.
_HOST = re.compile(r'([\w.-]+|\[[0-9A-Fa-f:.]+\])(:\d*)?', re.ASCII)


def _url(scheme: str, host: str, path: str) -> str:
    return f'{scheme}://{host if _HOST.fullmatch(host) else "invalid."}{path}'


def _wsgi_url(environ: dict[str, Any]) -> str:
    """Servers that keep the path as it was sent (RAW_URI, REQUEST_URI) are believed, because PATH_INFO is decoded."""
    raw = environ.get('RAW_URI') or environ.get('REQUEST_URI')
    if not (isinstance(raw, str) and raw.startswith('/')):
        decoded = environ.get('SCRIPT_NAME', '') + environ.get('PATH_INFO', '')
        raw = quote(decoded.encode('latin-1'), safe=_PATH) or '/'
    host = environ.get('HTTP_HOST') or f'{environ["SERVER_NAME"]}:{environ["SERVER_PORT"]}'
    return _url(environ['wsgi.url_scheme'], host, raw)


def _asgi_url(scope: dict[str, Any], header: Callable[[str], str | None]) -> str:
    raw = scope.get('raw_path')
    path = raw.decode('latin-1') if raw else quote(scope['path'], safe=_PATH)
    scheme = {'ws': 'http', 'wss': 'https'}.get(scope.get('scheme', 'http'), scope.get('scheme', 'http'))
    host = header('Host')
    if host is None:
        name, port = scope.get('server') or ('', None)
        host = name if port is None else f'{name}:{port}'
    return _url(scheme, host, path)


def _path_of(url: str) -> str:
    """The path of a URL that `_url` made."""
    return '/' + re.split(r'[?#]', url.partition('://')[2], maxsplit=1)[0].partition('/')[2]


def _proven(header: str) -> tuple[str, dict[str, Any]] | None:
    """The thumbprint of the public key in a proof's header, and its claims; None for an invalid proof."""
    match = _COMPACT.fullmatch(header)
    if match is None:
        return None
    try:
        head, claims = _object(_decode(match[1])), _object(_decode(match[2]))
        jwk = head.get('jwk')
        if head.get('typ') != 'dpop+jwt' or 'crit' in head or not isinstance(jwk, dict):
            return None
        key = _PublicKey.of(jwk)
        if key is None or not key.verifies(header, head.get('alg')):
            return None
        return _thumbprint(jwk), claims
    except Exception:
        # Nothing here asks another service, so every failure is the caller's fault; the libraries raise many kinds.
        return None


def _normal(url: str) -> str | None:
    """RFC 9449 §4.3: without query and fragment, normalized by syntax and scheme (RFC 3986 §6.2.2, §6.2.3)."""
    if not re.fullmatch(r'[!-~]+', url):
        return None
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:
        return None
    if parts.scheme not in ('http', 'https') or not host:
        return None
    shown = '' if port is None or str(port) == _DEFAULT_PORTS[parts.scheme] else f':{port}'
    named = f'[{host}]' if ':' in host else host
    return f'{parts.scheme}://{named}{shown}{_normal_path(parts.path)}'


def _normal_escape(match: re.Match[str]) -> str:
    character = chr(int(match[0][1:], 16))
    return character if character in _UNRESERVED else match[0].upper()


def _normal_path(path: str) -> str:
    kept: list[str] = []
    segments = re.sub(r'%[0-9A-Fa-f]{2}', _normal_escape, path or '/').split('/')[1:]
    for index, segment in enumerate(segments):
        is_last = index == len(segments) - 1
        if segment == '..' and kept:
            kept.pop()
        if segment not in ('.', '..'):
            kept.append(segment)
        elif is_last:
            kept.append('')
    return '/' + '/'.join(kept)


def resource_metadata(
    resource: str, authorization_servers: Sequence[str], scopes: Sequence[str] = (), *, name: str | None = None
) -> dict[str, Any]:
    """The document of RFC 9728, to be served as JSON at /.well-known/oauth-protected-resource. Origins and scopes as texts."""
    if not authorization_servers:
        raise ValueError('name at least one authorization server')
    return {
        'resource': resource,
        'authorization_servers': list(authorization_servers),
        'scopes_supported': list(scopes),
        'bearer_methods_supported': ['header'],
        'dpop_signing_alg_values_supported': list(PROOF_ALGORITHMS),
        **({} if name is None else {'resource_name': name}),
    }
