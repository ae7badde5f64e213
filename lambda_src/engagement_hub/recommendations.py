"""Recommendations for the recipients of a message: a model's items, and what a function makes of
them.

The items come from Amazon Personalize, by the role that the recommender configuration names: the
role has the IAM path /engagement-hub/, trusts the hub with the project's id as external id, and has
`personalize:GetRecommendations` on the model. Nothing takes the place of an item that is missing:
an endpoint without recommendations is absent from the result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from engagement_hub.customer_functions import ATTEMPTS, CallFailed, CustomerFunctions
from engagement_hub.customer_role import CustomerRoles, RoleNotAssumable
from engagement_hub.engagement.model import Endpoint
from engagement_hub.engagement.recommenders import (
    model_region,
    model_user,
    recommendations_in,
    transformer_payload,
)
from engagement_hub.store import error_code

__all__ = ["LONGEST_MODEL_SECONDS", "Recommendations"]

LONGEST_MODEL_SECONDS = 20.0
_PARALLEL_CALLS = 8

logger = Logger(service="engagement-hub", child=True)


class Recommendations:
    """Asks models and functions. The clients are made in the caller's thread."""

    def __init__(self, roles: CustomerRoles, functions: CustomerFunctions) -> None:
        self._roles = roles
        self._functions = functions

    def of(
        self,
        recommender: Mapping[str, Any],
        endpoints: Sequence[Endpoint],
        *,
        app_id: str,
        ids: Mapping[str, Any],
        seconds: float = LONGEST_MODEL_SECONDS,
        attempts: int = ATTEMPTS,
    ) -> dict[str, dict[str, Any]]:
        """Return the variables RecommendationItems and Recommendations by endpoint id.

        Args:
            recommender: the configuration.
            endpoints: at most 50; their attributes are the function's input.
            ids: of the message, as the function gets them.
            seconds: the longest time for the model.
            attempts: invocations of the function, of 15 seconds each at the most.
        """
        items, failures = self._items(recommender, endpoints, app_id, seconds)
        found: dict[str, dict[str, Any]] = {
            endpoint_id: {"RecommendationItems": given} for endpoint_id, given in items.items()
        }
        function = recommender.get("RecommendationTransformerUri")
        if function and items:
            asked = [endpoint for endpoint in endpoints if endpoint["Id"] in items]
            made, failure = self._made(function, asked, items, ids, attempts)
            failures[failure] += len(items) - len(made)
            found = {
                endpoint_id: {**found[endpoint_id], "Recommendations": values}
                for endpoint_id, values in made.items()
            }
        if len(found) < len(endpoints):
            logger.warning(
                "recommendations failed",
                app_id=app_id,
                recommender=recommender["Id"],
                endpoints=len(endpoints) - len(found),
                reasons=dict(+failures),
            )
        return found

    def _items(
        self,
        recommender: Mapping[str, Any],
        endpoints: Sequence[Endpoint],
        app_id: str,
        seconds: float,
    ) -> tuple[dict[str, list[str]], Counter[str]]:
        """Return the model's items by endpoint id, and the reasons of the endpoints without."""
        users: dict[str, str] = {}
        for endpoint in endpoints:
            user = model_user(recommender, endpoint)
            if user is not None:
                users[endpoint["Id"]] = user
        failures = Counter({"no UserId": len(endpoints) - len(users)})
        try:
            client = self._roles.client(
                recommender["RecommendationProviderRoleArn"],
                app_id,
                "personalize-runtime",
                model_region(recommender),
            )
        except (RoleNotAssumable, ClientError, BotoCoreError) as error:
            why = str(error) if isinstance(error, RoleNotAssumable) else type(error).__name__
            return {}, failures + Counter({why: len(users)})

        def ask(name: str) -> list[str]:
            answer = client.get_recommendations(
                campaignArn=recommender["RecommendationProviderUri"],
                userId=name,
                numResults=recommender["RecommendationsPerMessage"],
            )
            return [one["itemId"] for one in answer["itemList"] if one.get("itemId")]

        pool = ThreadPoolExecutor(_PARALLEL_CALLS)
        calls = {name: pool.submit(ask, name) for name in sorted(set(users.values()))}
        wait(calls.values(), seconds)
        pool.shutdown(wait=False, cancel_futures=True)
        reasons = {name: _failure(call) for name, call in calls.items()}
        items: dict[str, list[str]] = {}
        for endpoint_id, name in users.items():
            reason = reasons[name]
            if reason is None:
                items[endpoint_id] = calls[name].result()
            else:
                failures[reason] += 1
        return items, failures

    def _made(
        self,
        function: str,
        endpoints: Sequence[Endpoint],
        items: Mapping[str, Sequence[str]],
        ids: Mapping[str, Any],
        attempts: int,
    ) -> tuple[dict[str, dict[str, Any]], str]:
        """Return the function's attributes by endpoint id, and the reason of absent endpoints."""
        payload = transformer_payload(endpoints, items, ids)
        try:
            answer = self._functions.ask(function, payload, attempts=attempts)
        except CallFailed as error:
            return {}, str(error)
        return recommendations_in(answer, list(items)), f"{function} gave no Recommendations."


def _failure(call: Future[list[str]]) -> str | None:
    """Return why a call has no items; None for a call that has. Texts of errors are left out: they
    may quote the user's id."""
    if call.cancelled() or not call.done():
        return "no answer of the model in time"
    match call.exception():
        case None:
            return None
        case ClientError() as error:
            return error_code(error)
        case error:
            return type(error).__name__
