"""Content becomes the subject and the bodies of one recipient.

The hub's renderer fills the placeholders here, before anything travels in an attribute. The HTML is
sanitised afterwards, so that a value printed with three braces cannot bring markup of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from campaign_templates.content import Content, UnusableContent
from campaign_templates.sanitising import Sanitised, sanitise
from shared.messages.templates import RenderingFailed, Template, compile_template

__all__ = ["Limits", "Rendered", "render"]

_LINE_BREAKS = re.compile(r"[\x00-\x1f\x7f]+")  # a value must not start a header of its own
_READ = 4  # times the HTML that is sent: comments and markup that are left out
# The same text for many recipients is sanitised once. 32 texts of 100 KB are 6 MB.
_sanitised = lru_cache(maxsize=32)(sanitise)


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes of one recipient's content: characters of the subject, bytes of the bodies."""

    subject_characters: int = 200
    html_bytes: int = 100_000
    text_bytes: int = 10_000


@dataclass(frozen=True, slots=True)
class Rendered:
    """Subject and bodies of one recipient, and how much markup was left out."""

    subject: str
    html: str
    text: str
    removed: int


def render(
    content: Content,
    recipient: Mapping[str, Any],
    limits: Limits,
    clock: Callable[[], datetime],
) -> Rendered:
    """Fill the placeholders, sanitise the HTML and check the sizes.

    Raises:
        UnusableContent: the result is empty or too large for this recipient, or a helper cannot use
            a value.
    """

    def fill(text: str | None, *, html: bool = False) -> str:
        if text is None:
            return ""
        template: Template = compile_template(text, html=html)
        return template.render(recipient, content.defaults, clock=clock)

    try:
        subject = _LINE_BREAKS.sub(" ", fill(content.subject)).strip()
        html = fill(content.html, html=True)
        text = fill(content.text)
    except RenderingFailed as error:
        raise UnusableContent(f"The content cannot be rendered. {error.message}") from error
    # Loops can write megabytes, and the campaign waits while they are sanitised.
    _check("html", len(html), _READ * limits.html_bytes, "characters before it is sanitised")
    clean: Sanitised = _sanitised(html)
    if not subject:
        raise UnusableContent("subject of the content renders to nothing.")
    if not clean.html.strip() and not text.strip():
        raise UnusableContent("html and text of the content render to nothing that may be sent.")
    _check("subject", len(subject), limits.subject_characters, "characters")
    try:
        sizes = [len(part.encode()) for part in (subject, clean.html, text)]
    except UnicodeEncodeError as error:
        raise UnusableContent("The content renders to half a character.") from error
    _check("html", sizes[1], limits.html_bytes, "bytes")
    _check("text", sizes[2], limits.text_bytes, "bytes")
    return Rendered(subject, clean.html, text, clean.removed)


def _check(member: str, size: int, limit: int, unit: str) -> None:
    if size > limit:
        raise UnusableContent(
            f"{member} of the content renders to {size:,} {unit}; the limit is {limit:,}. Shorten "
            f"it, raise the input limits, or publish it as a template of the project."
        )
