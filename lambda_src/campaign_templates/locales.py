"""Locales of endpoints, and the order in which content in other languages takes their place.

Source: RFC 5646, "Tags for Identifying Languages": language, script and region, and their letter
case. Apps report `de_AT` and `de-AT` alike.
"""

import re

__all__ = ["DEFAULT_LOCALE", "canonical", "fall_backs"]

DEFAULT_LOCALE = "default"
"""Name of the content for everyone whose locale has no content."""

_TAG = re.compile(
    r"(?P<language>[A-Za-z]{2,3})(?:-(?P<script>[A-Za-z]{4}))?"
    r"(?:-(?P<region>[A-Za-z]{2}|[0-9]{3}))?(?:-[A-Za-z0-9]{1,8})*"
)


def canonical(locale: str) -> str | None:
    """Return language, script and region in their letter case: `de_at.UTF-8` is `de-AT`.

    Variants and extensions (`-u-ca-buddhist`, `@calendar=buddhist`) are left out. Returns None for
    a text that is no locale, so that it can never become part of a key or URL.
    """
    match = _TAG.fullmatch(re.split("[.@]", locale.strip(), maxsplit=1)[0].replace("_", "-"))
    if match is None:
        return None
    parts = [match["language"].lower()]
    if match["script"]:
        parts.append(match["script"].title())
    if match["region"]:
        parts.append(match["region"].upper())
    return "-".join(parts)


def fall_backs(locale: str | None) -> tuple[str, ...]:
    """Return the locales to try, from the exact one to `default`: de-AT, de, default."""
    known = canonical(locale) if locale else None
    if known is None:
        return (DEFAULT_LOCALE,)
    parts = known.split("-")
    return (*("-".join(parts[:end]) for end in range(len(parts), 0, -1)), DEFAULT_LOCALE)
