"""Remember the text of a message before it is sent, so that it can be sent again.

For programs that send text messages, by SendMessages or by SendTextMessage. `remember` writes the
text into the table of texts, and returns the entry of the message's Context that names it:

    context = remember(dynamodb, table, "Your code is 123456", useful_seconds=300)
    sms.send_text_message(DestinationPhoneNumber=…, MessageBody=…, Context=context, …)

The program needs `dynamodb:PutItem` on the table (output `remember_policy_json` of the module).
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["CannotRemember", "Text", "Texts", "remember"]

RETRY_KEY = "retry_key"
# SendTextMessage of the End User Messaging SMS API.
LONGEST_BODY = 1600
LONGEST_USEFUL_SECONDS = 259_200
COUNTRY_PARAMETERS = frozenset({"IN_ENTITY_ID", "IN_TEMPLATE_ID"})
_PRICE = re.compile(r"[0-9]{0,2}\.[0-9]{1,5}")


class CannotRemember(ValueError):
    """SendTextMessage would refuse the text or a setting; the message quotes no text."""


@dataclass(frozen=True, slots=True)
class Text:
    """The text of a message, and its settings that no event tells."""

    body: str
    useful_until: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


def remember(
    dynamodb: DynamoDBClient,
    table: str,
    body: str,
    *,
    useful_seconds: int = 86_400,
    keyword: str | None = None,
    max_price: str | None = None,
    country_parameters: Mapping[str, str] | None = None,
    clock: Callable[[], float] = time.time,
) -> dict[str, str]:
    """Write a text, and return the Context entry for its message. Call it before the send.

    Args:
        table: the output `texts_table_name` of the module.
        useful_seconds: time for which the text is of use, such as the life of a one-time password.
            It is not sent after that, and DynamoDB deletes it. The module has a limit, too.
        keyword, max_price, country_parameters: settings of SendTextMessage that a retry keeps.

    Raises:
        CannotRemember: SendTextMessage would refuse the text or a setting.
        ClientError, BotoCoreError: the text is not written; without it the message is not retried.
    """
    settings = _settings(body, useful_seconds, keyword, max_price, country_parameters)
    key = str(uuid.uuid4())
    item: dict[str, Any] = {
        "pk": {"S": key},
        "body": {"S": body},
        "settings": {"S": json.dumps(settings)},
        "expires_at": {"N": str(int(clock()) + useful_seconds)},
    }
    dynamodb.put_item(TableName=table, Item=item)
    return {RETRY_KEY: key}


def _settings(
    body: str,
    useful_seconds: int,
    keyword: str | None,
    max_price: str | None,
    country_parameters: Mapping[str, str] | None,
) -> dict[str, Any]:
    if not isinstance(body, str) or not body.strip() or len(body) > LONGEST_BODY:
        raise CannotRemember(
            f"body must have 1-{LONGEST_BODY} characters that are not all blank: SendTextMessage "
            "takes no other. Shorten the text."
        )
    if type(useful_seconds) is not int or not 1 <= useful_seconds <= LONGEST_USEFUL_SECONDS:
        raise CannotRemember(
            f"useful_seconds must be a whole number from 1 to {LONGEST_USEFUL_SECONDS}, which is "
            "three days: a text message lives no longer."
        )
    settings: dict[str, Any] = {}
    if keyword is not None:
        if not isinstance(keyword, str) or not 1 <= len(keyword) <= 30:
            raise CannotRemember("keyword must have 1-30 characters: leave it out, or shorten it.")
        settings["Keyword"] = keyword
    if max_price is not None:
        if not isinstance(max_price, str) or not _PRICE.fullmatch(max_price):
            raise CannotRemember('max_price must be US dollars as a text, such as "0.05".')
        settings["MaxPrice"] = max_price
    if country_parameters is not None:
        if not isinstance(country_parameters, Mapping) or not (
            country_parameters.keys() <= COUNTRY_PARAMETERS
            and all(isinstance(v, str) and 1 <= len(v) <= 64 for v in country_parameters.values())
        ):
            raise CannotRemember(
                "country_parameters must map IN_ENTITY_ID and IN_TEMPLATE_ID to texts of 1-64 "
                "characters: SendTextMessage knows no other."
            )
        settings["DestinationCountryParameters"] = dict(country_parameters)
    return settings


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts that senders remembered."""

    dynamodb: DynamoDBClient
    table: str
    clock: Callable[[], float]

    def find(self, key: str) -> Text | None:
        """Return a text, or None when it was never written, is deleted or of no use any more.

        DynamoDB deletes an expired item some time later, within days.
        """
        answer = self.dynamodb.get_item(
            TableName=self.table, Key={"pk": {"S": key}}, ConsistentRead=True
        )
        item = answer.get("Item")
        if not item:
            return None
        try:
            useful_until = int(item["expires_at"]["N"])
            settings = json.loads(item.get("settings", {}).get("S", "{}"))
            text = Text(item["body"]["S"], useful_until, settings)
        except (KeyError, RecursionError, ValueError):
            return None  # not written by `remember`
        if not isinstance(settings, dict):
            return None
        return text if text.useful_until and text.useful_until > self.clock() else None

    def forget(self, key: str) -> None:
        """Delete a text that will not be sent again."""
        self.dynamodb.delete_item(TableName=self.table, Key={"pk": {"S": key}})
