"""Read and update endpoints of a project: many at a time, each with an outcome of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from shared.transient import error_code

if TYPE_CHECKING:
    from mypy_boto3_pinpoint import PinpointClient

__all__ = ["ENDPOINTS_PER_CALL", "OUT_OF_TIME", "Endpoints", "Failure"]

ENDPOINTS_PER_CALL = 100
"""UpdateEndpointsBatch takes no more."""
_THREADS = 8
_SECONDS_OF_A_CALL = 45.0  # two attempts, as long as the client waits
# The API refuses the content of the request, and always will.
_HOPELESS_CODES = frozenset({"BadRequestException", "PayloadTooLargeException"})


@dataclass(frozen=True, slots=True)
class Failure:
    """A call that failed. `hopeless` means that the same call will always fail."""

    code: str
    hopeless: bool = False


OUT_OF_TIME = Failure("OutOfTime")


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The endpoints of one project."""

    client: PinpointClient
    project_id: str

    def read(
        self, ids: Iterable[str], *, seconds_left: Callable[[], float]
    ) -> dict[str, Mapping[str, Any] | Failure | None]:
        """Read endpoints at the same time. Returns None for an id that is no endpoint."""
        wanted = list(ids)
        if not wanted:
            return {}

        def read(endpoint_id: str) -> Mapping[str, Any] | Failure | None:
            if seconds_left() < _SECONDS_OF_A_CALL:
                return OUT_OF_TIME
            try:
                answer = self.client.get_endpoint(
                    ApplicationId=self.project_id, EndpointId=endpoint_id
                )
            except ClientError as error:
                failure = _failure(error)
                return None if failure.code == "NotFoundException" else failure
            except BotoCoreError as error:
                return _failure(error)
            return answer["EndpointResponse"]

        with ThreadPoolExecutor(min(_THREADS, len(wanted))) as pool:
            return dict(zip(wanted, pool.map(read, wanted), strict=True))

    def update(
        self, items: Sequence[Mapping[str, Any]], *, seconds_left: Callable[[], float]
    ) -> dict[str, Failure]:
        """Update endpoints. Returns the failures by id.

        One endpoint that breaks a rule fails its whole call, so a refused call is repeated in
        halves.
        """
        failed: dict[str, Failure] = {}
        waiting = [
            list(items[first : first + ENDPOINTS_PER_CALL])
            for first in range(0, len(items), ENDPOINTS_PER_CALL)
        ]
        while waiting:
            batch = waiting.pop(0)
            failure = self._update_once(batch, seconds_left)
            if failure is None:
                continue
            if failure.hopeless and len(batch) > 1:
                middle = len(batch) // 2
                waiting[:0] = [batch[:middle], batch[middle:]]
                continue
            failed.update({item["Id"]: failure for item in batch})
        return failed

    def _update_once(
        self, batch: list[Mapping[str, Any]], seconds_left: Callable[[], float]
    ) -> Failure | None:
        if seconds_left() < _SECONDS_OF_A_CALL:
            return OUT_OF_TIME
        request: Any = {"Item": batch}
        try:
            self.client.update_endpoints_batch(
                ApplicationId=self.project_id, EndpointBatchRequest=request
            )
        except (ClientError, BotoCoreError) as error:
            return _failure(error)
        return None


def _failure(error: ClientError | BotoCoreError) -> Failure:
    """Sort an error. Permissions count as "later": a person can correct them within hours."""
    code = error_code(error)
    if isinstance(error, ClientError):
        return Failure(code, hopeless=code in _HOPELESS_CODES)
    return Failure(code, hopeless=isinstance(error, ParamValidationError))
