"""Attributes for the endpoints of one call, and the policy for an endpoint without them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from campaign_attributes.keys import key_of
from campaign_attributes.policies import Failure, Policy
from campaign_attributes.settings import Attribute, Settings
from campaign_attributes.sources import Fetched
from campaign_attributes.values import UnusableValue, values_from
from shared.campaign_calls import CampaignCall
from shared.hook_answers import TooManyAttributes, with_attributes

__all__ = ["BatchFailed", "Outcome", "add_attributes", "keys_of"]


class BatchFailed(Exception):
    """A policy fails the batch. The campaign repeats it, and sends nothing while it fails."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The endpoints that get a message, and counts of the others.

    `failures` counts endpoints, `reasons` values that cannot be used, for the log.
    """

    endpoints: Mapping[str, Mapping[str, Any]]
    failures: Counter[Failure] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    fetched: int = 0
    defaulted: int = 0
    dropped: int = 0


class _Dropped(Exception):
    """The recipient gets no message."""


def keys_of(call: CampaignCall, settings: Settings) -> dict[str, str]:
    """Return the key at the source by endpoint id; an endpoint without a key is left out."""
    keys = {
        endpoint_id: key_of(settings.key, endpoint_id, endpoint)
        for endpoint_id, endpoint in call.endpoints.items()
        if isinstance(endpoint, Mapping)
    }
    return {endpoint_id: key for endpoint_id, key in keys.items() if key is not None}


def add_attributes(
    call: CampaignCall, settings: Settings, keys: Mapping[str, str], fetched: Fetched
) -> Outcome:
    """Return the endpoints with the attributes that were fetched.

    One endpoint's failure has an effect on that endpoint alone, unless its policy is fail_batch.

    Raises:
        BatchFailed: a failure with this policy.
    """
    batch = _Batch(settings)
    kept = {}
    for endpoint_id, endpoint in call.endpoints.items():
        try:
            kept[endpoint_id] = batch.endpoint(endpoint, keys.get(endpoint_id), fetched)
        except _Dropped:
            batch.dropped += 1
    return Outcome(
        kept, batch.failures, batch.reasons, batch.fetched, batch.defaulted, batch.dropped
    )


class _Batch:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.failures: Counter[Failure] = Counter()
        self.reasons: Counter[str] = Counter()
        self.fetched = self.defaulted = self.dropped = 0

    def endpoint(
        self, endpoint: Mapping[str, Any], key: str | None, fetched: Fetched
    ) -> dict[str, Any]:
        """Return one endpoint with its attributes.

        Raises:
            _Dropped, BatchFailed: by the policy; also where no attribute can be added.
        """
        if not isinstance(endpoint, Mapping):
            self._cannot_be_sent("the endpoint is no object")
        found: dict[str, list[str]] = {}
        failed: set[Failure] = set()
        for attribute in self._settings.attributes:
            values = self._values(attribute, key, fetched)
            if isinstance(values, Failure):
                failed.add(values)
                values = [] if attribute.default is None else [attribute.default]
            if values:
                found[attribute.name] = values
        self._judge(failed)
        try:
            complete = with_attributes(endpoint, found)
        except TooManyAttributes:
            self._cannot_be_sent("the endpoint has 250 attributes already")
        if failed:
            self.defaulted += 1
        else:
            self.fetched += 1
        return complete

    def _values(
        self, attribute: Attribute, key: str | None, fetched: Fetched
    ) -> list[str] | Failure:
        if key is None:
            return Failure.NO_KEY
        if key in fetched.failed:
            return Failure.SOURCE_FAILED
        value = fetched.items.get(key, {}).get(attribute.source_name)
        try:
            values = values_from(value, max_characters=self._settings.max_value_characters)
        except UnusableValue as error:
            self.reasons[f"{attribute.name}: {error}"] += 1
            return Failure.UNUSABLE
        return values or Failure.MISSING

    def _judge(self, failed: Collection[Failure]) -> None:
        """Count each failure once for an endpoint, and apply the strictest of their policies."""
        self.failures.update(failed)
        policies = {self._settings.policies[failure]: failure for failure in failed}
        if Policy.FAIL_BATCH in policies:
            raise BatchFailed(
                f"An endpoint has no attributes ({policies[Policy.FAIL_BATCH]}), and the policy "
                "for it is fail_batch: the campaign repeats the batch twice, and then sends "
                "nothing to its endpoints."
            )
        if Policy.DROP_RECIPIENT in policies:
            raise _Dropped

    def _cannot_be_sent(self, reason: str) -> None:
        """Drop an endpoint that can have no attribute, not even a default, or fail the batch."""
        self.reasons[reason] += 1
        self._judge([Failure.UNUSABLE])
        raise _Dropped
