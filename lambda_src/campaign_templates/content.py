"""Content as authors write it: a JSON object per template and locale, in every kind of store.

    {"subject": "Hello {{User.UserAttributes.Name}}", "html": "<p>…</p>", "text": "…",
     "defaults": {"User.UserAttributes.Name": "there"}}

Subject and body come in one object, so that a recipient never gets the subject of one version and
the body of another. Placeholders are the variables and helpers of message templates.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.messages.templates import TemplateError, compile_template

__all__ = ["Content", "UnusableContent", "read_content", "read_document"]

_TEXTS = ("subject", "html", "text")


class UnusableContent(Exception):
    """Content cannot be sent. The text names the member and the rule, and repeats no value."""


@dataclass(frozen=True, slots=True)
class Content:
    """Subject and bodies with placeholders, and the values of placeholders without one."""

    subject: str
    html: str | None = None
    text: str | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)


def read_document(document: bytes) -> Content:
    """Read content from the bytes of a JSON document.

    Raises:
        UnusableContent: it is no JSON in UTF-8, or no content.
    """
    try:
        decoded = json.loads(document.decode("utf-8-sig"))  # Windows writes a byte order mark
    except (ValueError, RecursionError) as error:
        raise UnusableContent(
            'The content must be a JSON object in UTF-8: {"subject": …, "html": …}.'
        ) from error
    return read_content(decoded)


def read_content(document: Any) -> Content:
    """Read content from a decoded document, and check that its placeholders can be read.

    Raises:
        UnusableContent: a member is missing, misspelt, of another type or no template.
    """
    if not isinstance(document, Mapping):
        raise UnusableContent("The content must be an object with subject, and html or text.")
    unknown = sorted(str(name) for name in document if name not in (*_TEXTS, "defaults"))
    if unknown:
        raise UnusableContent(
            f"The content has {len(unknown)} members besides subject, html, text and defaults. "
            "Leave them out, or correct their names."
        )
    texts: dict[str, str | None] = {}
    for member in _TEXTS:
        value = document.get(member)
        if not isinstance(value, str | None):
            raise UnusableContent(f"{member} of the content must be a string.")
        texts[member] = value if value and value.strip() else None
    if texts["subject"] is None:
        raise UnusableContent("subject of the content is missing or empty.")
    if texts["html"] is None and texts["text"] is None:
        raise UnusableContent("The content needs html or text that is not empty.")
    for member, text in texts.items():
        try:
            compile_template(text or "", html=member == "html")
        except TemplateError as error:
            # The reason quotes words of the author's template, never of a recipient.
            raise UnusableContent(f"{member} of the content: {error.message}") from error
    return Content(
        subject=texts["subject"],
        html=texts["html"],
        text=texts["text"],
        defaults=_defaults(document.get("defaults")),
    )


def _defaults(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(
        isinstance(item, str)
        or (isinstance(item, list) and all(isinstance(each, str) for each in item))
        for item in value.values()
    ):
        raise UnusableContent(
            "defaults of the content must be an object from the name of a variable, such as "
            "User.UserAttributes.Name, to a text or a list of texts."
        )
    return dict(value)
