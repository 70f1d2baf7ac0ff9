"""Where a browser finds an object of a bucket: signed addresses, made without asking anybody."""

import datetime as dt
import functools
import hashlib
import hmac
from urllib.parse import quote, urlsplit

import msgspec

WINDOW_SECONDS = 3600
VALID_SECONDS = 2 * WINDOW_SECONDS
REMEMBERED = 5_000


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """`endpoint` is None on AWS itself; without `keys` they come from where AWS's own tools find them."""

    name: str
    region: str
    endpoint: str | None = None
    keys: "Keys | None" = None

    @property
    def url(self) -> str:
        """Path addressing where an endpoint is given, and where a certificate would not fit the bucket's name."""
        suffix = "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"
        if self.endpoint or "." in self.name:
            return f"{self.endpoint or f'https://s3.{self.region}.{suffix}'}/{self.name}"
        return f"https://{self.name}.s3.{self.region}.{suffix}"


class Keys(msgspec.Struct, frozen=True):
    """Credentials; `token` comes with temporary ones."""

    id: str
    secret: str
    token: str | None = None


def origin_of(url: str) -> str:
    """`https://host:port` of an address, as a Content-Security-Policy names it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def signed_url(bucket: Bucket, keys: Keys, key: str, now: dt.datetime) -> str:
    """Valid for one to two hours and the same for a whole hour in every process, so that browsers can cache it."""
    return signed_in_window(bucket, keys, key, int(now.timestamp()) // WINDOW_SECONDS)


@functools.lru_cache(maxsize=REMEMBERED)
def signed_in_window(bucket: Bucket, keys: Keys, key: str, window: int) -> str:
    """AWS Signature Version 4 in the query; botocore's own signs with the moment of the call, another each time."""
    at = dt.datetime.fromtimestamp(window * WINDOW_SECONDS, dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{at[:8]}/{bucket.region}/s3/aws4_request"
    parameters = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{keys.id}/{scope}",
        "X-Amz-Date": at,
        "X-Amz-Expires": str(VALID_SECONDS),
        **({"X-Amz-Security-Token": keys.token} if keys.token else {}),
        "X-Amz-SignedHeaders": "host",
    }
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters.items())
    url = urlsplit(f"{bucket.url}/{key}")
    request = f"GET\n{url.path}\n{query}\nhost:{url.netloc}\n\nhost\nUNSIGNED-PAYLOAD"
    text = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signature = functools.reduce(digest, [*scope.split("/"), text], b"AWS4" + keys.secret.encode())
    return f"{url.geturl()}?{query}&X-Amz-Signature={signature.hex()}"


def digest(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
