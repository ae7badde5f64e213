"""The client of a program written for Pinpoint, pointed at a hub."""

from __future__ import annotations

from typing import Any

import boto3


def hub_client(api_url: str, session: boto3.Session | None = None) -> Any:
    """An ordinary `pinpoint` client that signs for the hub's HTTP API."""
    client = (session or boto3.Session()).client("pinpoint", endpoint_url=api_url)

    def sign_for_execute_api(context: dict[str, Any], **_: Any) -> None:
        context.setdefault("signing", {})["signing_name"] = "execute-api"

    client.meta.events.register("choose-signer.pinpoint", sign_for_execute_api)
    return client
