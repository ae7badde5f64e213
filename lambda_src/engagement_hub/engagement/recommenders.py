"""Recommender configurations: their rules, and what a model and a function give a message.

A configuration belongs to the account. It names a campaign of Amazon Personalize, whose items are
`RecommendationItems` of an endpoint, and a Lambda function that may turn the items into attributes,
`Recommendations`. Templates name a configuration by `RecommenderId`.

Source: Pinpoint API reference, CreateRecommenderConfiguration; Pinpoint developer guide, "Use a
recommender model in Amazon Pinpoint with AWS Lambda". Choices where AWS is silent: an update
replaces the whole configuration; items are the model's, whatever the function answers for them; an
endpoint that the function leaves out has no recommendations, and gets no message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from engagement_hub.engagement.campaigns import LAMBDA_FUNCTION
from engagement_hub.engagement.errors import BadRequest
from engagement_hub.engagement.hooks import HookFailure, endpoint_definition, value_lists
from engagement_hub.engagement.model import Endpoint

__all__ = [
    "checked_recommender",
    "model_region",
    "model_user",
    "recommendations_in",
    "transformer_payload",
    "uses_recommendations",
]

MOST_ITEMS = 5
MOST_ATTRIBUTES = 10
_OF_USER = "PINPOINT_USER_ID"
_ID_TYPES = ("PINPOINT_ENDPOINT_ID", _OF_USER)
_MODEL = re.compile(
    r"arn:[a-z-]+:personalize:(?P<region>[a-z0-9-]+):\d{12}:campaign/[A-Za-z0-9][A-Za-z0-9_-]{0,62}"
)
_RULES = {
    "RecommendationProviderUri": (
        _MODEL,
        "the ARN of a campaign of Amazon Personalize, as in "
        "arn:aws:personalize:eu-west-1:111122223333:campaign/shoes",
    ),
    "RecommendationProviderRoleArn": (
        re.compile(r"arn:[a-z-]+:iam::\d{12}:role/engagement-hub/[\w+=,.@/-]+"),
        "the ARN of a role under the IAM path /engagement-hub/, which the hub may assume",
    ),
    "Name": (
        re.compile(r"(?:[^\W_][\w -]{0,127})?"),
        "1 to 128 letters, digits, spaces, _ and -, and start with a letter or digit",
    ),
    "Description": (
        re.compile(r"[\w ;(),\u2010-]{0,128}"),  # the hyphen of AWS's page is one of Unicode
        "at most 128 letters, digits, spaces and _ ; ( ) , -",
    ),
    "RecommendationsDisplayName": (
        re.compile(r"(?:[^\W_][\w -]{0,24})?"),
        "1 to 25 letters, digits, spaces, _ and -, and start with a letter or digit",
    ),
}
_ATTRIBUTE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,49}")
_DISPLAY_NAME = re.compile(r"[^\W_][\w -]{0,24}")
_VARIABLE = re.compile(r"\{\{[^}]*\bRecommendation(?:Items|s)\b")


def checked_recommender(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request's configuration with its defaults.

    Raises:
        BadRequest: a member breaks a rule; the message names it.
    """
    recommender = {
        "RecommendationProviderIdType": _ID_TYPES[0],
        "RecommendationsPerMessage": MOST_ITEMS,
        **{name: value for name, value in request.items() if value not in ("", {})},
    }
    for member, (rule, wanted) in _RULES.items():
        if not rule.fullmatch(recommender.get(member) or ""):
            raise BadRequest(f"{member} must be {wanted}.")
    if recommender["RecommendationProviderIdType"] not in _ID_TYPES:
        raise BadRequest(f"RecommendationProviderIdType must be one of {', '.join(_ID_TYPES)}.")
    if not 1 <= recommender["RecommendationsPerMessage"] <= MOST_ITEMS:
        raise BadRequest(f"RecommendationsPerMessage must be 1 to {MOST_ITEMS}.")
    _check_attributes(recommender)
    return recommender


def _check_attributes(recommender: Mapping[str, Any]) -> None:
    attributes: Mapping[str, str] = recommender.get("Attributes") or {}
    if "RecommendationTransformerUri" not in recommender:
        if attributes:
            raise BadRequest(
                "Attributes are what a Lambda function makes of the items: give "
                "RecommendationTransformerUri too, or leave Attributes out."
            )
        if "RecommendationsDisplayName" not in recommender:
            raise BadRequest(
                "RecommendationsDisplayName is missing: it is required without "
                "RecommendationTransformerUri."
            )
        return
    if not LAMBDA_FUNCTION.fullmatch(recommender["RecommendationTransformerUri"]):
        raise BadRequest(
            "RecommendationTransformerUri must be the name or the ARN of a Lambda function."
        )
    if not 1 <= len(attributes) <= MOST_ATTRIBUTES:
        raise BadRequest(
            f"Attributes must name 1 to {MOST_ATTRIBUTES} attributes: the function of "
            "RecommendationTransformerUri gives them their values."
        )
    for number, (name, display_name) in enumerate(attributes.items()):
        if not _ATTRIBUTE.fullmatch(name):
            raise BadRequest(
                f"Attributes: name {number + 1} must be 1 to 50 of A-Z, a-z, 0-9, _ and -, and "
                "start with a letter or digit."
            )
        if not _DISPLAY_NAME.fullmatch(display_name):
            raise BadRequest(
                f"Attributes.{name} must be 1 to 25 letters, digits, spaces, _ and -, and start "
                "with a letter or digit."
            )


def model_region(recommender: Mapping[str, Any]) -> str:
    """Return the region of the model."""
    match = _MODEL.fullmatch(recommender["RecommendationProviderUri"])
    assert match is not None  # checked when it was written
    return match["region"]


def model_user(recommender: Mapping[str, Any], endpoint: Endpoint) -> str | None:
    """Return the user of the model that an endpoint is; None for an endpoint without a UserId, of
    which a model of users knows nothing."""
    if recommender["RecommendationProviderIdType"] == _OF_USER:
        return (endpoint.get("User") or {}).get("UserId") or None
    return endpoint["Id"]


def uses_recommendations(template: Mapping[str, Any]) -> bool:
    """Check whether a message of the template needs its recommender: its texts have variables."""
    return bool(template.get("RecommenderId") and _VARIABLE.search(json.dumps(template)))


def transformer_payload(
    endpoints: Sequence[Endpoint], items: Mapping[str, Sequence[str]], ids: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the payload of a transformer function.

    Args:
        items: by endpoint id.
        ids: of the project, and of the campaign and its activity, by their names in the payload.
    """
    definitions = {
        endpoint["Id"]: {
            **endpoint_definition(endpoint),
            "RecommendationItems": list(items[endpoint["Id"]]),
        }
        for endpoint in endpoints
    }
    return {**ids, "Endpoints": definitions}


def recommendations_in(answer: Any, endpoint_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the attributes that a transformer answered, by endpoint id.

    An endpoint whose definition is absent, or has no Recommendations that can be read, is left out.
    """
    if not isinstance(answer, Mapping):
        return {}
    found = {}
    for endpoint_id in endpoint_ids:
        definition = answer.get(endpoint_id)
        try:
            values = (
                value_lists(definition, "Recommendations")
                if isinstance(definition, Mapping)
                else {}
            )
        except HookFailure:
            continue
        if values:
            found[endpoint_id] = values["Recommendations"]
    return found
