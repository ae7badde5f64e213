"""Make ministack route, authorize and reset a service that it does not have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from local_aws.engagement.modelled import Service

REQUIRED = (
    "ministack.app.SERVICE_HANDLERS",
    "ministack.core.iam_actions.SERVICE_TO_IAM_NAMESPACE",
    "ministack.core.iam_actions._BOTOCORE_SERVICE_MAP",
    "ministack.core.iam_actions.extract_resource_arn",
    "ministack.core.responses.get_account_id",
    "ministack.core.responses.get_region",
    "ministack.core.router.SERVICE_PATTERNS",
)

# The resource a request names, below "arn:aws:<scope>:<region>:<account>:"; "*" for none.
ResourceOf = Callable[[str, str, Mapping[str, str], bytes], str]

S = TypeVar("S")


class Scoped(Generic[S]):
    """A service's state, one per account and region, made when first asked for."""

    def __init__(self, make: Callable[[], S]) -> None:
        self._make = make
        self._states: dict[tuple[str, str], S] = {}

    def here(self) -> S:
        """The state of the account and region of the request being served."""
        key = here()
        if key not in self._states:
            self._states[key] = self._make()
        return self._states[key]

    def all(self) -> list[tuple[tuple[str, str], S]]:
        return list(self._states.items())

    def reset(self) -> None:
        self._states.clear()


def here() -> tuple[str, str]:
    """Account and region of the request being served."""
    from ministack.core.responses import get_account_id, get_region

    return get_account_id(), get_region()


def arn(scope: str, resource: str) -> str:
    account, region = here()
    return f"arn:aws:{scope}:{region}:{account}:{resource}"


def serve(scope: str, service: Service, resource_of: ResourceOf) -> None:
    """Serve ``scope`` (the signing name) by ``service``, authorized per action and resource."""
    from ministack import app
    from ministack.core import iam_actions, router

    app.SERVICE_HANDLERS[scope] = service.handle
    # Without an entry the router reads the models of all services at the first request, for
    # seconds and on the event loop, to learn that this is one. The signature names the scope.
    router.SERVICE_PATTERNS[scope] = {}
    iam_actions.SERVICE_TO_IAM_NAMESPACE[scope] = scope
    iam_actions._BOTOCORE_SERVICE_MAP[scope] = [service.name]
    before = iam_actions.extract_resource_arn

    def extract_resource_arn(
        asked: str, method: str, path: str, headers: dict[str, str], body: bytes, *rest: Any
    ) -> str:
        if asked != scope:
            return str(before(asked, method, path, headers, body, *rest))
        resource = resource_of(method, path, headers, body)
        return resource if resource == "*" or resource.startswith("arn:") else arn(scope, resource)

    iam_actions.extract_resource_arn = extract_resource_arn
