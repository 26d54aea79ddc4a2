"""How release servers and registries are asked: one session with retries, the host's proxies and its CA bundle."""

from __future__ import annotations

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from galway import host

CONNECT_SECONDS = 4.0
"""A host that does not answer by then is taken for unreachable; a firewall that drops packets never answers."""

READ_SECONDS = 30.0
"""Silence on an open connection before it is given up."""

TIMEOUT = (CONNECT_SECONDS, READ_SECONDS)

RETRIES = 3


def session(*, backoff: float = 0.5) -> requests.Session:
    """A session that tries again after 429 and 5xx, honouring Retry-After, but not after a refused connection.

    It trusts the host's CA bundle: a site behind an intercepting proxy adds its CA there, which the list that comes
    with `requests` does not know.

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
    bundle = host.ca_bundle()
    if bundle is not None:
        made.verify = str(bundle)
    return made
