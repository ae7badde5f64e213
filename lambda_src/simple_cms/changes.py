"""Stale paths of the site: of one S3 event, and of a batch of events as one invalidation."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

__all__ = ["Change", "Invalidation", "MalformedEvent", "change_of", "invalidation_of"]

EVERYTHING = "/*"
INDEX_DOCUMENT = "index.html"

# CloudFront Developer Guide, "What you need to know when invalidating paths": characters outside
# RFC 1738's safe ones are URL-encoded. quote() leaves letters, digits and -_.~ as they are.
SAFE = "/"
# CreateInvalidation refuses a longer path: CloudFront quotas, "Maximum number of characters in a
# request URL" is 8,192, and a path of a key of 1,024 bytes has at most 3,072.
LONGEST_KEY_BYTES = 1024


class MalformedEvent(ValueError):
    """A message is no S3 event; a retry cannot help."""


@dataclass(frozen=True, slots=True)
class Change:
    """An object that was written or deleted.

    Attributes:
        key: the object's key.
        identity: a text that no other change of the bucket has.
    """

    key: str
    identity: str


@dataclass(frozen=True, slots=True)
class Invalidation:
    """One CreateInvalidation request."""

    caller_reference: str
    paths: tuple[str, ...]


def change_of(body: str) -> Change:
    """Read the change out of an S3 event from EventBridge.

    Returns:
        The change. S3 keeps keys in these events as they are, not URL-encoded.

    Raises:
        MalformedEvent: the message is no event of an object.

    Source: S3 User Guide, "EventBridge event message structure".
    """
    try:
        event = json.loads(body)
    except ValueError as error:
        raise MalformedEvent("The message is not JSON. Delete it: S3 did not send it.") from error
    kind = _text(event, "detail-type")
    if kind not in ("Object Created", "Object Deleted"):
        raise MalformedEvent(
            "detail-type must be Object Created or Object Deleted. Delete the message: its rule "
            "matches other events."
        )
    detail = event.get("detail")
    stored = detail.get("object") if isinstance(detail, dict) else None
    key = _text(stored, "key")
    if len(key.encode("utf-8", "surrogatepass")) > LONGEST_KEY_BYTES:
        raise MalformedEvent("detail.object.key is longer than 1,024 bytes: S3 has no such key.")
    try:
        key.encode()
    except UnicodeEncodeError as error:
        raise MalformedEvent(
            "detail.object.key is no valid Unicode: S3 has no such key."
        ) from error
    # S3 gives a sequencer to every change of a key; a repeated event has the same sequencer.
    return Change(key, f"{kind}\n{key}\n{_text(stored, 'sequencer')}")


def invalidation_of(changes: Sequence[Change], max_paths: int) -> Invalidation:
    """Put a batch of changes into one request.

    Args:
        changes: one or more changes, in any order, repeats included.
        max_paths: the most paths to name; a request with more paths names everything.

    Returns:
        The request. The same set of changes has the same caller reference, so that CloudFront
        answers a repeated request with the invalidation that it already has.
    """
    identities = sorted({change.identity for change in changes})
    paths = sorted({path for change in changes for path in paths_of(change.key)})
    digest = hashlib.sha256("\n\n".join(identities).encode()).hexdigest()
    return Invalidation(
        caller_reference=digest, paths=(EVERYTHING,) if len(paths) > max_paths else tuple(paths)
    )


def paths_of(key: str) -> list[str]:
    """Return the paths whose cached answer holds an object, or holds that it is missing.

    An index document has the path of its directory, too: AWS recommends to invalidate the path
    before and after a viewer-request function changed it.
    """
    path = "/" + quote(key, safe=SAFE)
    directory, _, name = path.rpartition("/")
    return [path, f"{directory}/"] if name == INDEX_DOCUMENT else [path]


def _text(holder: object, name: str) -> str:
    value = holder.get(name) if isinstance(holder, dict) else None
    if not isinstance(value, str) or not value:
        raise MalformedEvent(
            f"{name} is missing, empty or no text. Delete the message: it is no S3 event of an "
            "object."
        )
    return value
