"""The hops that an answer's own headers give away, and which fix of the catalogue is theirs."""

import re
from collections.abc import Callable
from typing import NamedTuple

from sse_observe.check.asking.recording import Recording


class Trace(NamedTuple):
    """A hop: what it is, the header that shows it, and the name of its fix."""

    name: str
    shown_by: str
    fix: str | None


class _Sign(NamedTuple):
    name: str
    header: str
    pattern: str
    fix: str | None


_SIGNS = (
    _Sign("Cloudflare", "cf-ray", r"", "cloudflared"),
    _Sign("Cloudflare", "server", r"cloudflare", "cloudflared"),
    _Sign("Varnish", "x-varnish", r"", "varnish"),
    _Sign("Varnish", "via", r"varnish", "varnish"),
    _Sign("Fastly", "x-served-by", r"cache-", "varnish"),
    _Sign("Caddy", "server", r"^caddy", "caddy"),
    _Sign("Caddy", "via", r"caddy", "caddy"),
    _Sign("nginx", "server", r"^(?:nginx|openresty)", "nginx"),
    _Sign("Next.js", "x-powered-by", r"next\.js", "nextjs"),
    _Sign("Next.js", "x-nextjs-cache", r"", "nextjs"),
    _Sign("Vercel", "x-vercel-id", r"", "nextjs"),
    _Sign("Envoy", "server", r"envoy", None),
    _Sign("Envoy", "x-envoy-upstream-service-time", r"", None),
    _Sign("HAProxy", "x-haproxy-server-state", r"", "haproxy"),
    _Sign("AWS ALB", "server", r"^awselb", "cloud"),
    _Sign("CloudFront", "x-amz-cf-id", r"", "cloud"),
    _Sign("Google Cloud balancer", "via", r"\bgoogle\b", "cloud"),
    _Sign("Heroku router", "via", r"vegur|heroku", "cloud"),
    _Sign("Fly.io", "fly-request-id", r"", "cloud"),
    _Sign("Traefik", "server", r"traefik", None),
    _Sign("Apache", "server", r"^apache", None),
    _Sign("Squid", "via", r"squid", None),
)


def traces(recording: Recording) -> list[Trace]:
    """Return the hops that the headers show, each once."""
    found: dict[str, Trace] = {}
    headers = recording.known_headers
    for sign in _SIGNS:
        value = headers.get(sign.header)
        if value is not None and sign.name not in found and _matches(sign.pattern)(value):
            shown = f"{sign.header}: {value[:40]}" if sign.pattern else sign.header
            found[sign.name] = Trace(sign.name, shown, sign.fix)
    return list(found.values())


def _matches(pattern: str) -> Callable[[str], object]:
    return re.compile(pattern, re.IGNORECASE).search
