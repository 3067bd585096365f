"""One step of a client of the registry, taken by Authlib.

The step and its input come as JSON on standard input; its result goes as JSON
to standard output, and an OAuth error as {"error": ...} with exit status 0.
"""

import json
import sys
import time
from urllib.parse import parse_qs, urlsplit

from authlib.common.errors import AuthlibBaseError
from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT

TIMEOUT_SECONDS = 20


def session_of(asked, **more):
    client = asked["client"]
    return OAuth2Session(
        client_id=client["id"],
        client_secret=client["secret"] or None,
        token_endpoint_auth_method=client["method"],
        # Also for introspection. Without this, Authlib uses Basic for both.
        revocation_endpoint_auth_method=client["method"],
        code_challenge_method="S256",
        default_timeout=TIMEOUT_SECONDS,
        **more,
    )


def client_credentials(asked):
    session = session_of(asked, scope=asked["scope"])
    return session.fetch_token(asked["registry"] + "/token", grant_type="client_credentials")


def client_credentials_by_key(asked):
    client = asked["client"]
    session = OAuth2Session(
        client_id=client["id"],
        client_secret=client["privateKey"],
        token_endpoint_auth_method="private_key_jwt",
        scope=asked["scope"],
        default_timeout=TIMEOUT_SECONDS,
    )
    # By default, Authlib's audience is the token endpoint and its assertions are valid for an hour. The
    # registry requires its issuer as the audience, and at most ten minutes.
    session.register_client_auth_method(
        PrivateKeyJWT(
            token_endpoint=asked["audience"],
            claims={"exp": int(time.time()) + asked["lifetimeSeconds"]},
            alg=asked["algorithm"],
        )
    )
    return session.fetch_token(asked["registry"] + "/token", grant_type="client_credentials")


def start_code_flow(asked):
    verifier = generate_token(48)
    session = session_of(asked, scope=asked["scope"], redirect_uri=asked["redirectUri"])
    url, state = session.create_authorization_url(
        asked["registry"] + "/authorize", code_verifier=verifier
    )
    return {"url": url, "state": state, "verifier": verifier}


def finish_code_flow(asked):
    callback = parse_qs(urlsplit(asked["callback"]).query)
    # Authlib checks only the state of a callback with a code, and leaves the other checks to its caller.
    if callback.get("iss") != [asked["registry"]]:
        raise OAuthError(error="mismatching_issuer")
    if "error" in callback:
        raise OAuthError(error=callback["error"][0])
    session = session_of(asked, state=asked["state"], redirect_uri=asked["redirectUri"])
    return session.fetch_token(
        asked["registry"] + "/token",
        authorization_response=asked["callback"],
        code_verifier=asked["verifier"],
    )


def told(answer):
    # Authlib returns the unchanged responses of these two endpoints.
    body = answer.json() if answer.text else {}
    if answer.status_code != 200:
        raise OAuthError(error=body["error"])
    return body


def refresh(asked):
    more = {"scope": asked["scope"]} if asked["scope"] else {}
    return session_of(asked).refresh_token(
        asked["registry"] + "/token", refresh_token=asked["refreshToken"], **more
    )


def revoke(asked):
    return told(
        session_of(asked).revoke_token(
            asked["registry"] + "/revoke", token=asked["token"], token_type_hint=asked["hint"]
        )
    )


def introspect(asked):
    return told(
        session_of(asked).introspect_token(
            asked["registry"] + "/introspect", token=asked["token"]
        )
    )


def get(asked):
    token = {"access_token": asked["accessToken"], "token_type": "Bearer"}
    answer = OAuth2Session(token=token, default_timeout=TIMEOUT_SECONDS).get(asked["url"])
    return {"status": answer.status_code, "headers": dict(answer.headers), "body": answer.text}


STEPS = {
    "client_credentials": client_credentials,
    "client_credentials_by_key": client_credentials_by_key,
    "start_code_flow": start_code_flow,
    "finish_code_flow": finish_code_flow,
    "refresh": refresh,
    "revoke": revoke,
    "introspect": introspect,
    "get": get,
}

asked = json.load(sys.stdin)
try:
    result = STEPS[asked["step"]](asked)
except AuthlibBaseError as error:
    result = {"error": error.error}
json.dump(result, sys.stdout)
