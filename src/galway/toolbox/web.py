"""How release servers and registries are asked: one session with retries, the host's proxies and its CA bundle."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

CONNECT_SECONDS = 4.0
"""A host that does not answer by then is taken for unreachable; a firewall that drops packets never answers."""

READ_SECONDS = 30.0
"""Silence on an open connection before it is given up."""

TIMEOUT = (CONNECT_SECONDS, READ_SECONDS)

RETRIES = 3


def session(*, backoff: float = 0.5) -> requests.Session:
    """A session that tries again after 429 and 5xx, honouring Retry-After, but not after a refused connection.

    Parameters
    ----------
    backoff:
        Seconds, doubled at each try; 0 in tests.
    """
    retry = Retry(
        total=RETRIES,
        connect=0,
        read=1,
        status=RETRIES,
        backoff_factor=backoff,
        status_forcelist=(429, 500, 502, 503, 504),
        allowed_methods=("GET", "HEAD"),
        raise_on_status=False,
    )
    made = requests.Session()
    adapter = HTTPAdapter(max_retries=retry)
    made.mount("https://", adapter)
    made.mount("http://", adapter)
    made.headers["User-Agent"] = "galway"
    bundle = ca_bundle()
    if bundle is not None:
        made.verify = str(bundle)
    return made


def ca_bundle() -> Path | None:
    """The certificates that this machine trusts: by environment first, else the system's own file.

    A site behind an intercepting proxy adds its CA to the system's store, which the list that comes with
    `requests` does not know.
    """
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        value = os.environ.get(variable)
        if value and Path(value).exists():
            return Path(value)
    system = ssl.get_default_verify_paths().openssl_cafile
    candidates = (system, "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
    return next((Path(path) for path in candidates if path and Path(path).is_file()), None)
