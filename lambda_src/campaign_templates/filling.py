"""Endpoints of one call get the subject and the bodies that rules, locale and content give them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from campaign_templates.content import Content, UnusableContent
from campaign_templates.library import Choice, Found, Library
from campaign_templates.locales import fall_backs
from campaign_templates.rendering import Limits, Rendered, render
from campaign_templates.rules import Rule, choose, recipient_of
from shared.campaign_calls import CampaignCall
from shared.fetching.deadline import Deadline
from shared.hook_answers import MAX_ANSWER_BYTES, TooManyAttributes, hook_answer, with_attributes

__all__ = ["MARKUP", "ContentUnavailable", "Filled", "Filler", "Policy", "Settings"]

MARKUP = "MarkupAttributes"
"""Member of an endpoint's definition by which a hub prints attributes without escaping them."""

# Kept free for the members of the answer around the endpoints.
_SPARE_BYTES = 16_384


class ContentUnavailable(Exception):
    """Content cannot be given, and the policy is to fail the batch."""


class Policy(StrEnum):
    """Message of a recipient whose content cannot be fetched or rendered."""

    SEND_DEFAULT = "send_default"
    DROP_RECIPIENT = "drop_recipient"
    FAIL_BATCH = "fail_batch"


@dataclass(frozen=True, slots=True)
class Settings:
    """The module's inputs. `allowed` None serves every campaign and journey."""

    default_template: str
    rules: Sequence[Rule] = ()
    locale_from: str = "Demographic.Locale"
    allowed: frozenset[str] | None = None
    failure_policy: Policy = Policy.FAIL_BATCH
    default_content: Content | None = None
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Filled:
    """The hook's answer, counts for metrics, and the failures by their text and number."""

    answer: dict[str, Any]
    counts: Counter[str]
    failures: Counter[str]


class Filler:
    """Gives the endpoints of calls their content."""

    def __init__(
        self,
        settings: Settings,
        library: Library,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._library = library
        self._clock = clock

    def fill(self, call: CampaignCall, fetch_by: Deadline, render_by: Deadline) -> Filled:
        """Return the endpoints with subject, html and text among their attributes.

        Args:
            fetch_by: contents that are not there by then count as failed.
            render_by: recipients that are not rendered by then count as failed.

        Raises:
            ContentUnavailable: a recipient has no content, and the policy is fail_batch.
        """
        serves = self._settings.allowed
        if serves is not None and _subject_of(call) not in serves:
            untouched = {name: one for name, one in call.endpoints.items() if _is_object(one)}
            return Filled(hook_answer(untouched), Counter(OtherCampaigns=1), Counter())
        choices = {
            endpoint_id: self._choice(endpoint, call.sending.treatment_id)
            for endpoint_id, endpoint in call.endpoints.items()
            if _is_object(endpoint)
        }
        found = self._library.find(dict.fromkeys(choices.values()), fetch_by)
        batch = _Batch(self._settings, self._clock, render_by)
        for endpoint_id, endpoint in call.endpoints.items():
            choice = choices.get(endpoint_id)
            if choice is None:
                batch.add_malformed()
            else:
                batch.add(endpoint_id, endpoint, choice.template, found[choice])
        return Filled(hook_answer(batch.answer), batch.counts, batch.failures)

    def _choice(self, endpoint: Mapping[str, Any], treatment: str | None) -> Choice:
        settings = self._settings
        recipient = recipient_of(endpoint, treatment, settings.locale_from)
        template = choose(settings.rules, recipient, settings.default_template)
        return Choice(template, fall_backs(recipient.locale))


class _Batch:
    """The answer while it grows, and its size."""

    def __init__(
        self, settings: Settings, clock: Callable[[], datetime], render_by: Deadline
    ) -> None:
        self.answer: dict[str, Mapping[str, Any]] = {}
        self.counts: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self._settings = settings
        self._clock = clock
        self._render_by = render_by
        self._bytes_left = MAX_ANSWER_BYTES - _SPARE_BYTES

    def add_malformed(self) -> None:
        """Leave out an endpoint that is no object."""
        self._failed("MalformedEndpoints", "the endpoint is no object.")

    def add(
        self, endpoint_id: str, endpoint: Mapping[str, Any], template: str, found: Found
    ) -> None:
        """Give one endpoint its content, or the policy's answer in its place."""
        try:
            if found.failure is not None or found.content is None:
                raise UnusableContent(str(found.failure))
            self._keep(endpoint_id, endpoint, found.content)
        except UnusableContent as error:
            # The name of the object to correct. A locale is a language, script and region.
            content = f"{template}/{found.locale}: " if found.locale else ""
            self._failed("FailedContents", f"{content}{error}")
            if self._settings.failure_policy is Policy.SEND_DEFAULT:
                self._default(endpoint_id, endpoint)
            return
        self.counts["FilledEndpoints"] += 1
        if found.stale:
            self.counts["StaleContents"] += 1

    def _default(self, endpoint_id: str, endpoint: Mapping[str, Any]) -> None:
        content = self._settings.default_content
        try:
            if content is None:
                raise UnusableContent("there is no default content.")
            self._keep(endpoint_id, endpoint, content, late=True)
        except UnusableContent as error:
            self._failed("FailedContents", f"The default content: {error}")
        else:
            self.counts["DefaultContents"] += 1

    def _keep(
        self, endpoint_id: str, endpoint: Mapping[str, Any], content: Content, late: bool = False
    ) -> None:
        if not late and self._render_by.seconds_left <= 0:
            raise UnusableContent("There was no time left to render the content.")
        variables = {**endpoint, "Id": endpoint_id}
        rendered = render(content, variables, self._settings.limits, self._clock)
        try:
            definition = with_attributes(endpoint, _attributes(rendered))
        except TooManyAttributes as error:
            raise UnusableContent(str(error)) from error
        definition[MARKUP] = ["html"]
        # The runtime writes an answer without escapes since Python 3.12.
        text = json.dumps({endpoint_id: definition}, ensure_ascii=False)
        size = len(text.encode(errors="surrogatepass"))
        if size > self._bytes_left:
            raise UnusableContent(
                "The answer has no room left for the content: Lambda returns at most "
                f"{MAX_ANSWER_BYTES:,} bytes for all endpoints of a call."
            )
        self._bytes_left -= size
        self.answer[endpoint_id] = definition
        self.counts["RemovedMarkup"] += rendered.removed

    def _failed(self, count: str, reason: str) -> None:
        self.counts[count] += 1
        self.failures[reason] += 1
        if self._settings.failure_policy is Policy.FAIL_BATCH and count == "FailedContents":
            raise ContentUnavailable(reason)


def _attributes(rendered: Rendered) -> dict[str, list[str]]:
    """Return the attributes; an empty list takes the place of an attribute of an older message."""
    return {
        name: [value] if value else []
        for name, value in (
            ("subject", rendered.subject),
            ("html", rendered.html),
            ("text", rendered.text),
        )
    }


def _subject_of(call: CampaignCall) -> str | None:
    return call.sending.campaign_id or call.sending.journey_id


def _is_object(endpoint: Any) -> bool:
    return isinstance(endpoint, Mapping)
