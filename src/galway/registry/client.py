"""Speaks HTTP with a registry: retries, bounded waiting, logins that stay with their registry, one error per cause."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from galway import host
from galway.registry import auth
from galway.registry.model import (
    AGAIN,
    DeniedError,
    FullError,
    Patience,
    RegistryError,
    UnreachableError,
    address,
    is_loopback,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from galway.registry.credentials import Credentials

LARGEST = 8 << 20
"""Bytes of an answer that are read: twice what registries must take as a manifest (OCI distribution specification)."""

RETRY_AFTER = 20
"""Seconds that a `Retry-After` can make us wait."""

_FULL = ("no space left on device", "disk quota exceeded", '"err":28', '"err":122', "insufficient storage")


class _Session(requests.Session):
    """A session that sends no login but the one that it was given: `requests` would look into ~/.netrc."""

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        old, new = response.request.url or "", prepared_request.url or ""
        if self.should_strip_auth(old, new):  # type: ignore[no-untyped-call]
            prepared_request.headers.pop("Authorization", None)


class Client:
    """One registry, as one user or as nobody. Threads may share it.

    Parameters
    ----------
    registry:
        Its name in references (`ghcr.io`, `127.0.0.1:5000`) or its URL. Plain HTTP is spoken with loopback; with others
        only where a URL asks for it, and never with a login.
    credentials:
        None asks as the public would.
    patience:
        How long it is waited for.
    """

    def __init__(
        self, registry: str, *, credentials: Credentials | None = None, patience: Patience | None = None
    ) -> None:
        self.root = address(registry)
        self.name = urlsplit(self.root).netloc
        self.credentials = credentials
        self.patience = patience or Patience()
        if credentials is not None and self.root.startswith("http:") and not is_loopback(self.root):
            raise DeniedError(f"a login is not sent to {self.name} over plain HTTP", hint="use HTTPS")
        self._session = _session(self.root, self.patience)
        self._lock = threading.Lock()
        self._granted: dict[tuple[str, ...], str] = {}

    def close(self) -> None:
        """Drop the connections."""
        self._session.close()

    def ask(
        self,
        method: str,
        path: str,
        *,
        scopes: tuple[str, ...] = (),
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        body: bytes | Callable[[], Any] | None = None,
        sink: Callable[[bytes], object] | None = None,
        limit: int = LARGEST,
    ) -> requests.Response:
        """Send a request and read its answer, logging in where the registry asks for it.

        Parameters
        ----------
        path:
            Below the registry's root, or a URL that the registry gave.
        scopes:
            What the request needs, as `repository:NAME:pull`.
        body:
            Bytes, or a function that opens them anew at each try.
        sink:
            Takes the body of a good answer as it comes, in place of the answer.
        limit:
            Bytes that the body may have.

        Returns
        -------
        requests.Response
            Whatever its status; see `explain`.

        Raises
        ------
        UnreachableError
            No answer in time.
        DeniedError
            No login, or one that is not taken.
        """
        url = urljoin(f"{self.root}/", path)
        ours = urlsplit(url)[:2] == urlsplit(self.root)[:2]  # a login stays with the registry, whatever it redirects to
        if url.startswith("http:") and self.root.startswith("https:"):
            raise RegistryError(f"{self.name} leads from HTTPS to plain HTTP: {url.partition('?')[0]}")

        def send(login: str | None) -> requests.Response:
            data = body() if callable(body) else body
            sent = {**(headers or {}), **({"Authorization": login} if login else {})}
            return self._send(method, url, headers=sent, params=params, data=data, sink=sink, limit=limit)

        answer = send(self._granted.get(scopes) if ours else None)
        if answer.status_code != 401 or not ours:
            return answer
        login = self._login(answer.headers.get("WWW-Authenticate", ""), scopes)  # the first one, or an expired token
        answer = send(login)
        if answer.status_code == 401:
            raise auth.refused(self.name, self.credentials)
        with self._lock:
            self._granted[scopes] = login
        return answer

    def explain(self, answer: requests.Response, what: str) -> RegistryError:
        """The error that an answer stands for.

        Parameters
        ----------
        what:
            What was asked for, as in "ghcr.io did not take WHAT".
        """
        words = _words(answer)
        text = answer.text[:LARGEST].lower().replace(" ", "") if answer.status_code >= 400 else ""
        if answer.status_code == 507 or any(sign.replace(" ", "") in text for sign in _FULL):
            return FullError(
                f"the storage of {self.name} is full: it did not take {what}",
                hint="free some there and run the same command again; what it has is not sent twice",
            )
        if answer.status_code in (401, 403):
            return auth.refused(self.name, self.credentials, words)
        if answer.status_code == 429:
            return RegistryError(f"{self.name} allows no more requests for now", hint="run the same command later")
        status = f"{answer.status_code} {answer.reason}".strip()
        return RegistryError(
            f"{self.name} answered {status} to {what}{words and f': {words}'}", hint="run the same command again"
        )

    def _login(self, challenge: str, scopes: tuple[str, ...]) -> str:
        if not challenge:
            raise auth.refused(self.name, self.credentials)
        return auth.answer(challenge, registry=self.root, scopes=scopes, credentials=self.credentials, send=self._send)

    def _send(
        self,
        method: str,
        url: str,
        *,
        sink: Callable[[bytes], object] | None = None,
        limit: int = LARGEST,
        **options: Any,
    ) -> requests.Response:
        begun = time.monotonic()
        timeout = (self.patience.connect, self.patience.silence)
        try:
            answer = self._session.request(
                method, url, timeout=timeout, stream=True, allow_redirects=method in ("GET", "HEAD"), **options
            )
            with answer:
                content = b""
                if sink is not None and answer.ok:
                    for chunk in _chunks(answer, limit):  # long, but never silent
                        sink(chunk)
                elif method != "HEAD":
                    content = _read(answer, deadline=begun + self.patience.answer)
        except requests.exceptions.SSLError as error:
            raise UnreachableError(
                f"{self.name} has a certificate that is not trusted here",
                hint="name the CA bundle of your site in SSL_CERT_FILE",
                detail=str(error),
            ) from error
        except (requests.RequestException, OSError, ValueError) as error:
            raise self._unreachable(error, time.monotonic() - begun) from error
        answer._content = content  # noqa: SLF001 - read here, within bounds
        answer._content_consumed = True  # type: ignore[attr-defined]  # noqa: SLF001
        return answer

    def _unreachable(self, error: Exception, seconds: float) -> UnreachableError:
        said = str(error).lower()
        if "refused" in said:
            what = "does not answer: connection refused"
        elif "failed to resolve" in said:
            what = "cannot be found: its name is not known here"
        elif isinstance(error, requests.Timeout) or "timed out" in said:
            what = f"did not answer in time ({seconds:.0f} s)"
        else:
            what = f"broke off: {type(error).__name__}"
        return UnreachableError(
            f"registry {self.name} {what}",
            hint="check that it runs and can be reached, then run the same command again",
            detail=str(error),
        )


class _Retry(Retry):
    """Asks again on 500 too where it only reads.

    Docker's registry gives it to who reads a tag in the moment when another publisher writes it; to who writes, it
    means that the disk is full.
    """

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        """As urllib3 asks."""
        if status_code == 500 and method in {"GET", "HEAD"}:
            return bool(self.total)
        return super().is_retry(method, status_code, has_retry_after)


def _session(root: str, patience: Patience) -> requests.Session:
    retry = _Retry(
        total=patience.tries,
        connect=min(patience.tries, 1),
        backoff_factor=patience.backoff,
        status_forcelist=AGAIN,
        allowed_methods=("GET", "HEAD", "PUT"),  # what we PUT is bytes, named by their digest
        raise_on_status=False,
        retry_after_max=RETRY_AFTER,
    )
    made = _Session()
    adapter = HTTPAdapter(max_retries=retry, pool_maxsize=8)
    made.mount("https://", adapter)
    made.mount("http://", adapter)
    made.headers["User-Agent"] = "galway"
    made.auth = lambda request: request  # keeps requests from reading ~/.netrc
    if is_loopback(root):
        made.trust_env = False  # a proxy cannot reach this machine's loopback
    elif (bundle := host.ca_bundle()) is not None:
        made.verify = str(bundle)
    return made


def _chunks(answer: requests.Response, limit: int) -> Iterator[bytes]:
    seen = 0
    while chunk := answer.raw.read1(1 << 16, decode_content=True):
        seen += len(chunk)
        if seen > limit:
            raise ValueError(f"an answer of more than {limit} bytes")
        yield chunk


def _read(answer: requests.Response, *, deadline: float) -> bytes:
    content = bytearray()
    for chunk in _chunks(answer, LARGEST):
        content += chunk
        if time.monotonic() > deadline:
            raise requests.Timeout("timed out: the answer goes on too slowly")
    return bytes(content)


def _words(answer: requests.Response) -> str:
    """The first message of an error answer (OCI distribution specification, error codes), one short line."""
    try:
        first = answer.json()["errors"][0]
        return " ".join(str(first.get("message") or first.get("code") or "").split())[:160]
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""
