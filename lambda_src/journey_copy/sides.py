"""The source and the target of copies, as a function's settings describe them."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.config import Config

from journey_copy.copier import Setting
from journey_copy.mapping import pair_of
from journey_copy.projects import Project
from journey_copy.rules import Place
from shared.aws import Keys, aws_client
from shared.pinpoint import ONCE, pinpoint_client_at
from shared.settings import optional_env, required_env

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient

__all__ = ["Access", "Side", "pair", "setting", "source_side", "target_side"]

_RENEW_BEFORE_EXPIRY_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Side:
    """A project and the way to it. `role_arn` is the role of another account to take."""

    project_id: str
    account_id: str
    region: str
    api_url: str | None = None
    role_arn: str | None = None
    external_id: str | None = None  # the role asks for it

    @property
    def place(self) -> Place:
        """Return the account and the Region of the project's host."""
        return Place(self.account_id, self.region)

    @property
    def host(self) -> str:
        """Return a digest that names the host: templates belong to it and not to a project."""
        parts = "\n".join((self.account_id, self.region, self.api_url or ""))
        return hashlib.sha256(parts.encode()).hexdigest()[:16]


def source_side() -> Side:
    """Read the source from the environment."""
    return Side(
        project_id=required_env("FROM_PROJECT_ID"),
        account_id=required_env("FROM_ACCOUNT_ID"),
        region=required_env("FROM_REGION"),
        api_url=optional_env("FROM_API_URL"),
        role_arn=optional_env("FROM_ROLE_ARN"),
        external_id=optional_env("FROM_EXTERNAL_ID"),
    )


def target_side() -> Side:
    """Read the target from the environment."""
    return Side(
        project_id=required_env("TO_PROJECT_ID"),
        account_id=required_env("TO_ACCOUNT_ID"),
        region=required_env("TO_REGION"),
        api_url=optional_env("TO_API_URL"),
        role_arn=optional_env("TO_ROLE_ARN"),
        external_id=optional_env("TO_EXTERNAL_ID"),
    )


def setting(source: Side, target: Side) -> Setting:
    """Return the relation of source and target."""
    return Setting(
        source=source.place,
        target=target.place,
        same_templates=source.host == target.host,
        source_host=source.host,
    )


def pair(source: Side, target: Side) -> str:
    """Return the key of the mapping of a source and a target."""
    return pair_of(source.host, source.project_id, target.host, target.project_id)


class Access:
    """The project of a side, with credentials that are renewed before they expire."""

    def __init__(
        self,
        side: Side,
        sts: STSClient | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._side = side
        self._sts = sts
        self._clock = clock
        self._project: Project | None = None
        self._expires_at = float("inf")

    def project(self) -> Project:
        """Return the project.

        Raises:
            ClientError: the role's trust policy does not admit the function, for instance.
        """
        if self._project is None or self._clock() > self._expires_at - _RENEW_BEFORE_EXPIRY_SECONDS:
            side, keys = self._side, self._keys()
            self._project = Project(
                side.project_id,
                pinpoint_client_at(side.api_url, region=side.region, keys=keys),
                pinpoint_client_at(side.api_url, region=side.region, keys=keys, config=ONCE),
            )
        return self._project

    def _keys(self) -> Keys | None:
        """Take the role of the side, if it has one."""
        side = self._side
        if side.role_arn is None:
            return None
        answer = self._client().assume_role(
            RoleArn=side.role_arn,
            RoleSessionName="journey-copy",
            ExternalId=side.external_id or "",
        )["Credentials"]
        self._expires_at = answer["Expiration"].timestamp()
        return Keys(answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"])

    def _client(self) -> STSClient:
        if self._sts is None:
            self._sts = aws_client(
                "sts",
                config=Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard"}),
            )
        return self._sts
