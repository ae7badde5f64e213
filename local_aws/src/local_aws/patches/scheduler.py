"""Schedules fire within a second, in their time zone, and only with expressions that make sense."""

from __future__ import annotations

import copy
import json
import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from ministack.core import iam_actions, responses
from ministack.services import eventbridge, scheduler

from local_aws.patches.rewriting import rewrite

REQUIRED = (
    "ministack.core.iam_actions.extract_resource_arn",
    "ministack.core.responses.set_request_account_id",
    "ministack.core.responses.set_request_region",
    "ministack.services.eventbridge._SCHEDULER_TICK_INTERVAL",
    "ministack.services.eventbridge._cron_next_fire",
    "ministack.services.eventbridge._invoke_target",
    "ministack.services.eventbridge._parse_cron_fields",
    "ministack.services.eventbridge._parse_rate_seconds",
    "ministack.services.scheduler._SCHEDULE_TICK_INTERVAL",
    "ministack.services.scheduler._at_time_epoch",
    "ministack.services.scheduler._create_schedule",
    "ministack.services.scheduler._error",
    "ministack.services.scheduler._schedules",
    "ministack.services.scheduler._tick_schedules",
    "ministack.services.scheduler._update_schedule",
)


def apply() -> None:
    scheduler._SCHEDULE_TICK_INTERVAL = 1
    eventbridge._SCHEDULER_TICK_INTERVAL = 1
    rewrite(
        scheduler,
        "_tick_schedules",
        ("at_epoch = _at_time_epoch(expr)", "at_epoch = _at_in_zone(expr, sched)"),
        (
            "next_fire = _eb._cron_next_fire(fields, last_dt)",
            "next_fire = _eb._cron_next_fire(fields, last_dt.astimezone(_zone(sched)))",
        ),
        (
            'target = sched.get("Target") or {}',
            "target = _with_attributes(sched, _due(sched, now))",
        ),
        _at_in_zone=at_in_zone,
        _zone=zone,
        _due=due,
        _with_attributes=with_attributes,
    )
    for name in ("_create_schedule", "_update_schedule"):
        setattr(scheduler, name, _validating(getattr(scheduler, name)))
    iam_actions.extract_resource_arn = _in_their_group(iam_actions.extract_resource_arn)


def _in_their_group(resource_arn: Callable[..., str]) -> Callable[..., str]:
    """Authorize schedules under the group that the request names, not always under `default`."""

    def extract_resource_arn(
        service: str,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query: dict[str, Any],
        *rest: Any,
    ) -> str:
        arn = resource_arn(service, method, path, headers, body, query, *rest)
        if service != "scheduler" or ":schedule/default/" not in arn:
            return arn
        named = json.loads(body).get("GroupName") if body else query.get("groupName")
        group = named[0] if isinstance(named, list) else named
        return arn.replace(":schedule/default/", f":schedule/{group or 'default'}/")

    return extract_resource_arn


def zone(schedule: dict[str, Any]) -> ZoneInfo:
    """The schedule's time zone; UTC when it names none."""
    return ZoneInfo(schedule.get("ScheduleExpressionTimezone") or "UTC")


def at_in_zone(expression: str, schedule: dict[str, Any]) -> float | None:
    """The epoch second of an ``at()`` expression, read in the schedule's zone."""
    epoch = scheduler._at_time_epoch(expression)
    if epoch is None:
        return None
    local = datetime.fromtimestamp(epoch, UTC).replace(tzinfo=zone(schedule))
    return local.timestamp()


def due(schedule: dict[str, Any], now: float) -> float:
    """The epoch second that a schedule found due ``now`` was to fire at."""
    expression = schedule.get("ScheduleExpression", "")
    at = at_in_zone(expression, schedule)
    if at is not None:
        return at
    return now - now % 60 if expression.startswith("cron(") else now


def with_attributes(schedule: dict[str, Any], scheduled: float) -> dict[str, Any]:
    """The target with the ``<aws.scheduler.…>`` attributes of its input filled in."""
    target = copy.deepcopy(schedule.get("Target") or {})
    if target.get("Input"):
        time = datetime.fromtimestamp(scheduled, UTC)
        values = {
            "schedule-arn": schedule.get("Arn", ""),
            "scheduled-time": time.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "execution-id": str(uuid.uuid4()),
            "attempt-number": "1",
        }
        target["Input"] = re.sub(
            r"<aws\.scheduler\.([a-z-]+)>",
            lambda found: values.get(found[1], found[0]),
            target["Input"],
        )
    return target


class NoSuchSchedule(Exception):
    """No schedule has this name (in this group), or several groups have one."""


def fire(name: str, group: str | None = None, at: datetime | None = None) -> dict[str, Any]:
    """Invoke a schedule's target once, as if it were ``at``; now when it is None.

    The state, the dates and the expression do not matter, and nothing of the schedule changes.
    Answers what was invoked with what input: ``result`` is ``invoked`` or ``failed``; of a state
    machine with ``executionArn``, of a universal target with the service's ``answer``, of a
    failure with ``code`` and ``reason``.

    Raises:
        NoSuchSchedule: says which name and groups.
    """
    found = [
        (account, region, schedule)
        for (account, region, _), schedule in list(scheduler._schedules._data.items())
        if schedule["Name"] == name and group in (None, schedule["GroupName"])
    ]
    if len(found) != 1:
        groups = ", ".join(sorted(schedule["GroupName"] for _, _, schedule in found))
        where = f" in the group {group}" if group else ""
        raise NoSuchSchedule(
            f"There are schedules {name} in the groups {groups}: name one by ?group=."
            if found
            else f"There is no schedule {name}{where}."
        )
    [(account, region, schedule)] = found
    responses.set_request_account_id(account)
    responses.set_request_region(region)
    moment = at or datetime.now(UTC)
    target = with_attributes(schedule, moment.timestamp())
    event = {
        "EventId": str(uuid.uuid4()),
        "Source": "aws.scheduler",
        "DetailType": "Scheduled Event",
        "Detail": "{}",
        "Time": moment.timestamp(),
        "Resources": [schedule["Arn"]],
        "Account": account,
        "Region": region,
    }
    # Looked up now: another patch has put its own function there.
    report = eventbridge._invoke_target(target, event, schedule) or {}
    return {
        "schedule": schedule["Arn"],
        "state": schedule["State"],
        "scheduledTime": moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "target": target["Arn"],
        "input": target.get("Input"),
        "result": "failed" if report.get("code") else "invoked",
        **report,
    }


def problem(schedule: dict[str, Any]) -> str | None:
    """Why CreateSchedule refuses the expression or its zone, or None."""
    expression = str(schedule.get("ScheduleExpression") or "")
    invalid = f"Invalid Schedule Expression {expression}."
    try:
        zone(schedule)
    except (KeyError, ValueError):
        return f"Invalid Schedule Expression Timezone {schedule.get('ScheduleExpressionTimezone')}."
    if expression.startswith("at("):
        return None if scheduler._at_time_epoch(expression) is not None else invalid
    if expression.startswith("rate("):
        return None if eventbridge._parse_rate_seconds(expression) else invalid
    fields = eventbridge._parse_cron_fields(expression)
    if fields is None:
        return invalid
    minutes, hours, days, months, weekdays = fields[:5]
    within = (
        minutes <= set(range(60))
        and hours <= set(range(24))
        and days["days"] <= set(range(1, 32))
        and months <= set(range(1, 13))
        and weekdays["days"] <= set(range(1, 8))
    )
    return None if within else invalid


def _validating(store: Callable[..., Any]) -> Callable[..., Any]:
    def stored(name: str, body: dict[str, Any]) -> Any:
        reason = problem(body) if body.get("ScheduleExpression") else None
        if reason:
            return scheduler._error(400, "ValidationException", reason)
        return store(name, body)

    return stored
