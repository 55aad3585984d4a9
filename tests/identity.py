"""An identity provider on this machine, and tokens of it."""

from __future__ import annotations

import json
import time
from http.server import BaseHTTPRequestHandler

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from jwt.algorithms import ECAlgorithm

from ragkit.testing.loopback import LoopbackServer

AUDIENCE = "ragkit"
PRIVATE = generate_private_key(SECP256R1())
PUBLIC = ECAlgorithm.to_jwk(PRIVATE.public_key(), as_dict=True)


class _Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/v1/keys":
            self._reply({"keys": [PUBLIC | {"kid": "one", "use": "sig", "alg": "ES256"}]})
        elif self.path == "/v1/.well-known/openid-configuration":
            self._reply({"jwks_uri": f"http://{self.headers['Host']}/v1/keys"})
        elif self.path == "/v1/none":
            self._reply({"keys": []})
        elif self.path == "/v1/text":
            self._reply("no keys")
        else:
            self.send_error(404)

    def _reply(self, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


def provider() -> LoopbackServer:
    """Its `url` is the issuer."""
    return LoopbackServer(_Pages)


def token(
    issuer: str,
    *,
    without: str = "",
    key: EllipticCurvePrivateKey | str = PRIVATE,
    algorithm: str = "ES256",
    kid: str = "one",
    **claims: object,
) -> str:
    whole = {"iss": issuer, "aud": AUDIENCE, "sub": "anna", "exp": time.time() + 600} | claims
    return jwt.encode({name: value for name, value in whole.items() if name != without}, key, algorithm, {"kid": kid})
