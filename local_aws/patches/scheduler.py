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

from ministack.core import iam_actions
from ministack.services import eventbridge, scheduler

from local_aws.patches.rewriting import rewrite

REQUIRED = (
    "ministack.core.iam_actions.extract_resource_arn",
    "ministack.services.eventbridge._SCHEDULER_TICK_INTERVAL",
    "ministack.services.eventbridge._cron_next_fire",
    "ministack.services.eventbridge._parse_cron_fields",
    "ministack.services.eventbridge._parse_rate_seconds",
    "ministack.services.scheduler._SCHEDULE_TICK_INTERVAL",
    "ministack.services.scheduler._at_time_epoch",
    "ministack.services.scheduler._create_schedule",
    "ministack.services.scheduler._error",
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
        ('target = sched.get("Target") or {}', "target = _with_attributes(sched, now)"),
        _at_in_zone=at_in_zone,
        _zone=zone,
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


def with_attributes(schedule: dict[str, Any], now: float) -> dict[str, Any]:
    """The target with the ``<aws.scheduler.…>`` attributes of its input filled in."""
    target = copy.deepcopy(schedule.get("Target") or {})
    if target.get("Input"):
        at = at_in_zone(schedule.get("ScheduleExpression", ""), schedule)
        time = datetime.fromtimestamp(now if at is None else at, UTC)
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
