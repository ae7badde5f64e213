"""Records of requests that send messages, so that a client's repetition of one sends nothing twice.

Table: the runs table. One item for a request, which expires:

    pk=sent#<app>#<digest>   sk=request
        holder      the id of the HTTP request that sends
        began       epoch seconds
        w0, w1 …    JSON: recipients that may have been sent to, each with its result, or null
        done        the last result is written

Recipients are written before a message goes to them, and their results with the next write. A
request that was broken off leaves recipients without a result: their messages may be out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engagement_hub.store import dynamodb_client
from shared.claims import take

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["Repetition", "SentRequest", "SentRequests"]

Path = tuple[str, ...]
Result = Mapping[str, Any]

# A client repeats a request within seconds or minutes.
_KEEP_SECONDS = 60 * 60


@dataclass(frozen=True, slots=True)
class Repetition:
    """The record of the first attempt of a request, as far as it is written.

    A path of `results` with the value None may have been sent to; a path that is absent was not
    tried by `began` + the longest duration of a request.
    """

    holder: str
    began: float
    done: bool
    results: Mapping[Path, Result | None]


@dataclass(slots=True)
class SentRequest:
    """The record of the request that this invocation answers."""

    table: str
    client: DynamoDBClient
    key: dict[str, Any]
    holder: str
    clock: Callable[[], float]
    _windows: list[frozenset[Path]] = field(default_factory=list, init=False)

    def claim(self, paths: Iterable[Path], results: Mapping[Path, Result]) -> Repetition | None:
        """Write down whom the next messages go to, and the results since the last claim.

        Returns: another attempt of the request, when it claimed first. Nothing may be sent then.
        """
        claimed: dict[Path, Result | None] = dict.fromkeys(paths)
        if not self._windows:
            other = self._begin(claimed)
            if other is not None:
                return other
        else:
            self._write({**self._last(results), f"w{len(self._windows)}": _packed(claimed)})
        self._windows.append(frozenset(claimed))
        return None

    def finish(self, results: Mapping[Path, Result]) -> None:
        """Write the last results, and the results of recipients who were not tried."""
        if not self._windows:
            return
        claimed = frozenset[Path]().union(*self._windows)
        rest = {path: result for path, result in results.items() if path not in claimed}
        self._write({**self._last(results), "rest": _packed(rest), "done": "yes"})

    def forget(self) -> None:
        """Delete the record: nothing was sent, so that a repetition may send."""
        self.client.delete_item(TableName=self.table, Key=self.key)

    def read(self) -> Repetition:
        """Read how far the other attempt is."""
        answer = self.client.get_item(TableName=self.table, Key=self.key, ConsistentRead=True)
        return _repetition(answer.get("Item", {}))

    def _last(self, results: Mapping[Path, Result]) -> dict[str, str]:
        number = len(self._windows) - 1
        return {f"w{number}": _packed({path: results.get(path) for path in self._windows[number]})}

    def _begin(self, claimed: Mapping[Path, Result | None]) -> Repetition | None:
        now = self.clock()
        item = {
            **self.key,
            "holder": {"S": self.holder},
            "began": {"N": str(now)},
            "expires_at": {"N": str(int(now) + _KEEP_SECONDS)},
            "w0": {"S": _packed(claimed)},
        }
        record = take(self.client, self.table, item, holder="holder")
        return None if record.own else _repetition(record.item)

    def _write(self, texts: Mapping[str, str]) -> None:
        self.client.update_item(
            TableName=self.table,
            Key=self.key,
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in texts),
            ExpressionAttributeNames={f"#{name}": name for name in texts},
            ExpressionAttributeValues={f":{name}": {"S": text} for name, text in texts.items()},
        )


class SentRequests:
    """The records, in RUNS_TABLE."""

    def __init__(
        self, table: str, clock: Callable[[], float], client: DynamoDBClient | None = None
    ) -> None:
        self._table = table
        self._clock = clock
        self._client = client or dynamodb_client()

    def request(self, app_id: str, digest: str, holder: str) -> SentRequest:
        """Return the record of a request. It is written with its first claim.

        Args:
            digest: the same for every attempt of one call of a client.
            holder: the id of the HTTP request.
        """
        key = {"pk": {"S": f"sent#{app_id}#{digest}"}, "sk": {"S": "request"}}
        return SentRequest(self._table, self._client, key, holder, self._clock)


def _packed(window: Mapping[Path, Result] | Mapping[Path, Result | None]) -> str:
    return json.dumps(list(window.items()), ensure_ascii=False, separators=(",", ":"))


def _repetition(item: Mapping[str, Any]) -> Repetition:
    results: dict[Path, Result | None] = {}
    for name, value in item.items():
        if name == "rest" or (name[0] == "w" and name[1:].isdecimal()):
            results.update({tuple(path): result for path, result in json.loads(value["S"])})
    return Repetition(
        holder=item.get("holder", {}).get("S", ""),
        began=float(item.get("began", {}).get("N", 0)),
        done="done" in item,
        results=results,
    )
