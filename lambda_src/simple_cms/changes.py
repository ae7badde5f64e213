"""Stale paths of the site: of one S3 event, and of a batch of events as one invalidation."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Change", "Invalidation", "MalformedEvent", "change_of", "invalidation_of"]

EVERYTHING = "/*"
INDEX_DOCUMENT = "index.html"

# Characters that viewers and invalidations spell in one way. CloudFront Developer Guide, "What you
# need to know when invalidating paths": an invalidation encodes the unsafe characters of RFC 1738,
# and a path with another character encoded invalidates nothing. CloudFront refuses a request with
# a tilde, and %7E invalidates nothing (aws/aws-sdk issue 525).
PLAIN = re.compile(r"[A-Za-z0-9/._-]*")
# CloudFront quotas: 15 paths with a wildcard in progress, of all requests together.
MOST_WILDCARDS = 5
# S3 User Guide, "Naming Amazon S3 objects".
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
    except (ValueError, RecursionError) as error:
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
        max_paths: the most paths to name; a request with more paths names everything, and so does
            a request with more wildcards than CloudFront takes.

    Returns:
        The request. The same set of changes has the same caller reference, so that CloudFront
        answers a repeated request with the invalidation that it already has.
    """
    identities = sorted({change.identity for change in changes})
    paths = sorted({path for change in changes for path in paths_of(change.key)})
    wildcards = sum(path.endswith("*") for path in paths)
    everything = EVERYTHING in paths or len(paths) > max_paths or wildcards > MOST_WILDCARDS
    digest = hashlib.sha256("\n\n".join(identities).encode()).hexdigest()
    return Invalidation(
        caller_reference=digest, paths=(EVERYTHING,) if everything else tuple(paths)
    )


def paths_of(key: str) -> list[str]:
    """Return the paths whose cached answer holds an object, or holds that it is missing.

    An index document has the path of its directory, too: AWS recommends to invalidate the path
    before and after a viewer-request function changed it. A key with a character that viewers can
    spell in several ways, such as a space, has the wildcard of the part before the character.
    """
    plain = re.match(PLAIN, key)
    beginning = plain.group() if plain else ""
    if beginning != key:
        return [f"/{beginning}*"]
    path = f"/{key}"
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
