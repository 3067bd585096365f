"""requests-oauthlib: HTTP Basic for the code when it is given the secret. See steps.mjs for what each program does."""

import json
import os
import sys

from oauthlib.oauth2 import OAuth2Error
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

registry, client_id, secret = (os.environ[n] for n in ("REGISTRY", "CLIENT_ID", "CLIENT_SECRET"))
# oauthlib requires https, even at a loopback address.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"


def say(word, value):
    print(word, json.dumps(value), flush=True)


session = OAuth2Session(
    client_id, redirect_uri=os.environ["REDIRECT_URI"], scope=os.environ["SCOPE"].split()
)
try:
    url, _state = session.authorization_url(registry + "/authorize")
    say("AUTHORIZE", url)
    callback = sys.stdin.readline().strip().replace("http://", "https://", 1)
    say(
        "TOKEN",
        session.fetch_token(
            registry + "/token", authorization_response=callback, client_secret=secret
        ),
    )
    say(
        "REFRESHED",
        session.refresh_token(registry + "/token", auth=HTTPBasicAuth(client_id, secret)),
    )
except OAuth2Error as error:
    say("ERROR", error.error)
    sys.exit(1)
