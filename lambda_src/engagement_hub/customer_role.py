"""Credentials of the roles that callers name (RoleArn of jobs and event streams)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from shared.aws import aws_client

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_sts import STSClient

_ROLE = re.compile(r"arn:[^:]+:iam::\d{12}:role/(?P<path>.*)")
_PATH = "engagement-hub/"
_RENEW_BEFORE_EXPIRY_SECONDS = 300


class RoleNotAssumable(Exception):
    """The role cannot be used; the text says what to change. Retrying cannot help."""


@dataclass(slots=True)
class _Cached:
    session: boto3.Session
    expires_at: float


class CustomerRoles:
    """Assumes the role a caller names, with the project's id as external id, and remembers it.

    The hub's own role may assume roles under the IAM path /engagement-hub/ only.
    """

    def __init__(
        self, sts: STSClient | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._sts_client = sts
        self._clock = clock
        self._sessions: dict[tuple[str, str], _Cached] = {}

    def session(self, role_arn: str, app_id: str) -> boto3.Session:
        """Return a session of the role.

        Raises:
            RoleNotAssumable: the ARN is not a role's, is outside the path, or the role's trust
                policy does not admit the hub.
        """
        match = _ROLE.fullmatch(role_arn)
        if match is None:
            raise RoleNotAssumable(f"RoleArn {role_arn} is not the ARN of an IAM role.")
        if not match["path"].startswith(_PATH):
            raise RoleNotAssumable(
                f"RoleArn {role_arn} is outside the IAM path /{_PATH}: the hub may only assume "
                f"roles created with that path."
            )
        cached = self._sessions.get((role_arn, app_id))
        if cached is None or cached.expires_at - _RENEW_BEFORE_EXPIRY_SECONDS < self._clock():
            cached = self._assume(role_arn, app_id)
            self._sessions[role_arn, app_id] = cached
        return cached.session

    def _assume(self, role_arn: str, app_id: str) -> _Cached:
        import boto3  # only where a role is assumed: it costs a cold start some 40 ms

        if self._sts_client is None:
            self._sts_client = aws_client("sts")
        try:
            answer = self._sts_client.assume_role(
                RoleArn=role_arn, RoleSessionName=f"engagement-hub-{app_id}", ExternalId=app_id
            )
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("AccessDenied", "AccessDeniedException"):
                raise
            raise RoleNotAssumable(
                f"RoleArn {role_arn} cannot be assumed: its trust policy must admit this account "
                f"with sts:ExternalId {app_id}."
            ) from error
        credentials = answer["Credentials"]
        return _Cached(
            boto3.Session(
                aws_access_key_id=credentials["AccessKeyId"],
                aws_secret_access_key=credentials["SecretAccessKey"],
                aws_session_token=credentials["SessionToken"],
            ),
            credentials["Expiration"].timestamp(),
        )
