"""Contents of the bucket become email templates of the project: a template for each locale.

An answer of a hook holds about 100 KB for a recipient. A template of a project holds 600,000
characters a part, and the campaign's own renderer fills its placeholders. The hook cannot choose
between templates, so a campaign or a treatment names each.

The description of a template names the version of the object. A repeated event changes nothing. An
event is a hint only: the newest version is read, and read again after the write, so that events in
any order end with the newest one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from campaign_templates.content import Content, UnusableContent
from campaign_templates.locales import DEFAULT_LOCALE, canonical
from campaign_templates.sanitising import sanitise
from shared.messages.template_syntax import tag_spans
from shared.messages.templates import TemplateError, compile_template

__all__ = [
    "ForeignTemplate",
    "MalformedEvent",
    "Outcome",
    "Projects",
    "Publisher",
    "Variant",
    "Version",
    "changed_key",
    "sanitised_template",
    "template_request",
    "variant_of",
]

_MARK = "Published by campaign_templates"
_ROUNDS = 5
_UNESCAPED = re.compile(r"\{\{~?\s*[{&]")
_PLACE = "\ue000{}\ue001"
_PLACES = re.compile("\ue000(\\d+)\ue001")
# Tags and style sheets as `sanitise` writes them: other text has no < of its own.
_MARKUP = re.compile(r"<[^<>]*>")
_VALUE = re.compile(r'="([^"]*)"')
_STYLE_SHEET = re.compile(r"<style[^<>]*>([^<]*)</style>")


class MalformedEvent(ValueError):
    """The message is no event of S3 about an object. Retrying cannot help."""


class ForeignTemplate(Exception):
    """A template of that name was made by another program, and is not overwritten."""


class Outcome(StrEnum):
    """Outcome of an event about an object, for metrics."""

    PUBLISHED = "PublishedContents"
    UNCHANGED = "UnchangedContents"
    OTHER = "OtherObjects"
    ABSENT = "AbsentContents"


@dataclass(frozen=True, slots=True)
class Variant:
    """A template of the store in one locale."""

    template: str
    locale: str

    def name(self, prefix: str) -> str:
        """Return the name of the project's template."""
        return f"{prefix}-{self.template}-{self.locale}"


@dataclass(frozen=True, slots=True)
class Version:
    """The newest version of an object; content None where the object is gone."""

    id: str
    content: Content | None


class Projects(Protocol):
    """Email templates of the project."""

    def description(self, name: str) -> str | None:
        """Return the description of the active version, None where there is no template."""
        ...

    def newest_description(self, name: str) -> str | None:
        """Return the description of the newest version."""
        ...

    def create(self, name: str, request: Mapping[str, Any]) -> None:
        """Create a template."""
        ...

    def add_version(self, name: str, request: Mapping[str, Any]) -> None:
        """Add a version. The active one stays active."""
        ...

    def activate_newest(self, name: str) -> None:
        """Make the newest version the active one, which campaigns send."""
        ...


def changed_key(event: Any) -> str:
    """Return the key of an "Object Created" event of S3 by EventBridge.

    Raises:
        MalformedEvent: it is no such event.
    """
    detail = event.get("detail") if isinstance(event, Mapping) else None
    found = detail.get("object") if isinstance(detail, Mapping) else None
    key = found.get("key") if isinstance(found, Mapping) else None
    if not isinstance(key, str) or not key:
        raise MalformedEvent("The message must be an event of S3 with detail.object.key.")
    return key


def variant_of(key: str, prefix: str, templates: frozenset[str]) -> Variant | None:
    """Return the variant that a key holds; None for an object that is not published."""
    name = key.removeprefix(prefix) if key.startswith(prefix) else ""
    template, slash, file = name.partition("/")
    locale = file.removesuffix(".json")
    if not slash or file == locale or template not in templates:
        return None
    if locale != DEFAULT_LOCALE and canonical(locale) != locale:
        return None
    return Variant(template, locale)


def sanitised_template(html: str) -> str:
    """Sanitise HTML with placeholders, and keep the placeholders as they are.

    A placeholder is kept in text and in the values of attributes. A URL must begin with its scheme.
    The result has the placeholders that were found before and no other, whatever was left out
    between two braces.

    Raises:
        UnusableContent: a placeholder prints its value without escapes, is in the place of markup,
            or is a block that begins and ends in different values of attributes.
    """
    if "\ue000" in html or "\ue001" in html:
        raise UnusableContent("html of the content has characters of the private use area.")
    tags = _tags(html)
    if any(_UNESCAPED.match(tag) for tag in tags):
        raise UnusableContent(
            "html of a published content must not have {{{…}}} or {{&…}}: the campaign would print "
            "a recipient's value as HTML. Use two braces."
        )
    clean = sanitise(_with_places(html)).html
    kept = [int(number) for number in _PLACES.findall(clean)]
    # A block that lost one of its tags would be another template.
    lost = [tag for number, tag in enumerate(tags) if number not in set(kept)]
    if any(re.match(r"\{\{~?[#/^]|\{\{~?\s*else\b", tag) for tag in lost):
        raise UnusableContent(
            "html of the content has a block ({{#…}}, {{else}} or {{/…}}) in markup that is left "
            "out. Put the block round whole elements."
        )

    def restored(part: str) -> str:
        return _PLACES.sub(lambda match: tags[int(match[1])], part)

    for part in _closed_parts(clean):
        try:
            compile_template(restored(part), html=True)
        except TemplateError as error:
            raise UnusableContent(
                "html of the content has a block or a partial that begins or ends in the value of "
                "an attribute or in a style sheet. Put it round whole elements, or into one value."
            ) from error
    result = restored(clean)
    try:
        found = _tags(result)
    except TemplateError:
        found = []
    if found != [tags[number] for number in kept]:
        raise UnusableContent(
            "html of the content has braces that would become a placeholder when comments and "
            "markup are left out. Take away the braces beside placeholders, and &#123;."
        )
    return result


def _tags(text: str) -> list[str]:
    return [text[begin:end] for begin, end in tag_spans(text)]


def _with_places(html: str) -> str:
    """Return the HTML with a short text, which stays as it is, in the place of each tag."""
    parts, at = [], 0
    for number, (begin, end) in enumerate(tag_spans(html)):
        parts += [html[at:begin], _PLACE.format(number)]
        at = end
    return "".join([*parts, html[at:]])


def _closed_parts(clean: str) -> Iterator[str]:
    """Yield the parts with placeholders in which a block must also end.

    A block from one value to another takes the quotes between them away when its condition does not
    hold, and the text of the second value would be read as attributes.
    """
    for markup in _MARKUP.findall(clean):
        yield from (value for value in _VALUE.findall(markup) if _PLACES.search(value))
    yield from (sheet for sheet in _STYLE_SHEET.findall(clean) if _PLACES.search(sheet))


def template_request(content: Content, description: str) -> dict[str, Any]:
    """Return the EmailTemplateRequest of a content.

    Raises:
        UnusableContent: nothing of the HTML may be sent, and there is no text.
    """
    html = sanitised_template(content.html) if content.html else ""
    if not html.strip() and not content.text:
        raise UnusableContent("html of the content holds nothing that may be sent.")
    request: dict[str, Any] = {"Subject": content.subject, "TemplateDescription": description}
    if html.strip():
        request["HtmlPart"] = html
    if content.text:
        request["TextPart"] = content.text
    if content.defaults:
        request["DefaultSubstitutions"] = json.dumps(content.defaults)
    return request


class Publisher:
    """Brings templates of the project to the newest version of their objects.

    Args:
        newest: reads the newest version of a variant's object.
        prefix: first part of the templates' names.
    """

    def __init__(
        self, newest: Callable[[Variant], Version], projects: Projects, prefix: str
    ) -> None:
        self._newest = newest
        self._projects = projects
        self._prefix = prefix

    def publish(self, variant: Variant) -> Outcome:
        """Publish the newest version, unless the template has it.

        An object that is gone leaves its template: campaigns may name it.

        Raises:
            UnusableContent: the content cannot be published.
            ForeignTemplate: another program made the template of that name.
        """
        outcome = Outcome.UNCHANGED
        name = variant.name(self._prefix)
        # `news` with `a-b` and `news-a` with `b` are the same name.
        mark = f"{_MARK}, {variant.template}/{variant.locale}"
        for _ in range(_ROUNDS):
            version = self._newest(variant)
            if version.content is None:
                return Outcome.ABSENT
            description = f"{mark}, version {version.id}"
            known = self._projects.description(name)
            if known == description:
                return outcome
            if known is not None and not known.startswith(f"{mark}, "):
                raise ForeignTemplate(
                    f"Template {name} was made by another program. Rename one of the two."
                )
            request = template_request(version.content, description)
            if known is None:
                self._projects.create(name, request)
            else:
                # An attempt that ended between the two steps has added the version.
                if self._projects.newest_description(name) != description:
                    self._projects.add_version(name, request)
                self._projects.activate_newest(name)
            outcome = Outcome.PUBLISHED
        raise UnusableContent(f"The object changed {_ROUNDS} times while it was published.")
