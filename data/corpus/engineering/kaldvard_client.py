"""Small example client for the Kaldvard Cloud API.

The client fetches an access token, keeps it until shortly before it expires, follows
pagination cursors and repeats requests that failed for a temporary reason. It is meant as a
starting point for customers and is used in our own nightly smoke test. It deliberately depends
on nothing but the standard library.

Run it from the command line to print the sensors of an organisation:

    KALDVARD_CLIENT_ID=... KALDVARD_CLIENT_SECRET=... python kaldvard_client.py
"""

from __future__ import annotations

import json
import os
import random
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

BASE_URL = "https://api.kaldvard.example/v2"

# A request that has not been answered after this many seconds is given up.
REQUEST_TIMEOUT_SECONDS = 12.5

# Temporary failures are repeated this often before the error is raised to the caller.
MAX_ATTEMPTS = 4

# Each pause is this much longer than the one before it.
BACKOFF_FACTOR = 1.7

# A token is renewed this many seconds before the server would reject it.
TOKEN_SAFETY_MARGIN = 90

RETRYABLE_STATUS = frozenset({429, 502, 503, 504})


class KaldvardError(Exception):
    """The API refused a request or could not be reached."""

    def __init__(self, message: str, status: int | None = None, trace_id: str | None = None):
        super().__init__(message)
        self.status = status
        self.trace_id = trace_id


class KaldvardClient:
    """Talks to the API on behalf of one API client."""

    def __init__(self, client_id: str, client_secret: str, base_url: str = BASE_URL) -> None:
        self._client_id = client_id
        self._client_secret = client_secret
        self._base_url = base_url.rstrip("/")
        self._token: str | None = None
        self._token_expires_at = 0.0

    def sensors(self, location_id: str | None = None) -> Iterator[dict[str, Any]]:
        """Yield all sensors, optionally only those at one location."""
        query = {"limit": "200"}
        if location_id is not None:
            query["location_id"] = location_id
        yield from self._pages("/sensors", query)

    def readings(self, sensor_id: str, start: str, end: str) -> Iterator[dict[str, Any]]:
        """Yield the raw readings of one sensor between two UTC times."""
        yield from self._pages(f"/sensors/{sensor_id}/readings", {"from": start, "to": end})

    def acknowledge_alarm(self, alarm_id: str, comment: str) -> dict[str, Any]:
        """Acknowledge an alarm; the comment ends up in the audit trail."""
        if len(comment.strip()) < 10:
            raise ValueError("the comment is too short to be useful to an auditor")
        return self._request("POST", f"/alarms/{alarm_id}/acknowledge", {"comment": comment})

    def _pages(self, path: str, query: dict[str, str]) -> Iterator[dict[str, Any]]:
        while True:
            page = self._request("GET", f"{path}?{urllib.parse.urlencode(query)}")
            yield from page["items"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return
            query = {**query, "cursor": cursor}

    def _request(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        pause = 1.0
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                return self._send(method, path, body)
            except urllib.error.HTTPError as error:
                if error.code not in RETRYABLE_STATUS or attempt == MAX_ATTEMPTS:
                    trace_id = error.headers.get("X-Trace-Id")
                    raise KaldvardError(str(error), error.code, trace_id) from error
                pause = max(pause, float(error.headers.get("Retry-After") or 0))
            except urllib.error.URLError as error:
                if attempt == MAX_ATTEMPTS:
                    raise KaldvardError(f"cannot reach the API: {error.reason}") from error
            # Jitter keeps many clients from coming back at the very same moment.
            time.sleep(pause * random.uniform(0.8, 1.2))
            pause *= BACKOFF_FACTOR
        raise AssertionError("unreachable")

    def _send(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        request = urllib.request.Request(self._base_url + path, method=method)
        request.add_header("Authorization", f"Bearer {self._access_token()}")
        request.add_header("User-Agent", "kaldvard-example-client/1.4")
        data = None
        if body is not None:
            request.add_header("Content-Type", "application/json")
            data = json.dumps(body).encode()
        with urllib.request.urlopen(request, data, REQUEST_TIMEOUT_SECONDS) as response:
            return json.load(response)

    def _access_token(self) -> str:
        if self._token is None or time.time() > self._token_expires_at - TOKEN_SAFETY_MARGIN:
            form = urllib.parse.urlencode(
                {
                    "grant_type": "client_credentials",
                    "client_id": self._client_id,
                    "client_secret": self._client_secret,
                }
            ).encode()
            url = f"{self._base_url}/oauth/token"
            with urllib.request.urlopen(url, form, REQUEST_TIMEOUT_SECONDS) as response:
                answer = json.load(response)
            self._token = answer["access_token"]
            self._token_expires_at = time.time() + answer["expires_in"]
        return self._token


def main() -> None:
    """Print the name and the last contact of every sensor."""
    client = KaldvardClient(os.environ["KALDVARD_CLIENT_ID"], os.environ["KALDVARD_CLIENT_SECRET"])
    for sensor in client.sensors():
        print(f"{sensor['serial']}  {sensor['name']:<30}  {sensor['last_seen']}")


if __name__ == "__main__":
    main()
