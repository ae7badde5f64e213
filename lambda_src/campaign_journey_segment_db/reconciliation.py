"""Makes the tables agree with the project: finds missing, renamed and deleted entities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

from campaign_journey_segment_db.entities import BOOKKEEPING, Entity, Kind, Row, row_of
from campaign_journey_segment_db.project import Project
from campaign_journey_segment_db.tables import NameTables

__all__ = ["OutOfTime", "Report", "look_at", "reconcile"]


class OutOfTime(RuntimeError):
    """The function's time is nearly over. Rows that are written stay; the next run goes on."""


@dataclass(slots=True)
class Report:
    """Numbers of entities, by the change of their rows."""

    added: int = 0
    changed: int = 0
    deleted: int = 0
    unchanged: int = 0
    # Rows that are marked as deleted, of entities that the project shows.
    contradicted: int = 0

    def as_answer(self) -> dict[str, int]:
        """Return the report as the function answers it."""
        return {name.capitalize(): count for name, count in asdict(self).items()}


def reconcile(
    project: Project,
    tables: NameTables,
    *,
    now: Callable[[], str],
    seconds_left: Callable[[], float],
) -> Report:
    """Compare every entity of the project with its row, and write the rows that differ.

    The rows are read before the project is. A row that is as it was read then is not later than the
    state that the project shows; a row that was written since is left to its writer.

    Raises:
        OutOfTime: the next run does the rest.
    """
    report = Report()
    for kinds in ((Kind.CAMPAIGN, Kind.JOURNEY), (Kind.SEGMENT,)):
        # A table may also hold the rows of a project that the module had before.
        seen = {
            str(row["id"]): row
            for row in tables.rows(kinds[0])
            if row["application_id"] == project.project_id
        }
        for kind in kinds:
            listed = set[str]()
            for entity in project.entities(kind):
                _check(seconds_left)
                listed.add(entity.entity_id)
                _compare(entity, seen.get(entity.entity_id), tables, report, now=now)
            for row in seen.values():
                if _is_live(row, kind) and row["id"] not in listed:
                    _check(seconds_left)
                    # Not among the pages: deleted, or created while the pages were read.
                    _missed(project, tables, kind, row, report, now=now)
    return report


def look_at(
    project: Project, tables: NameTables, kind: Kind, entity_id: str, *, now: Callable[[], str]
) -> bool:
    """Write the state that one entity has now; False: its row is right already.

    An entity that the project does not have is marked as deleted.
    """
    seen = tables.read(kind, entity_id)
    entity = project.entity(kind, entity_id)
    if entity is None:
        return tables.mark_deleted(kind, entity_id, now=now())
    if seen is not None and (seen["deleted"] or _agrees(entity, seen)):
        return False
    return tables.observe(entity, seen, now=now())


def _compare(
    entity: Entity, row: Row | None, tables: NameTables, report: Report, *, now: Callable[[], str]
) -> None:
    if row is None:
        report.added += tables.observe(entity, None, now=now())
    elif row["deleted"]:
        report.contradicted += 1
    elif _agrees(entity, row):
        report.unchanged += 1
    else:
        report.changed += tables.observe(entity, row, now=now())


def _missed(
    project: Project,
    tables: NameTables,
    kind: Kind,
    row: Row,
    report: Report,
    *,
    now: Callable[[], str],
) -> None:
    entity = project.entity(kind, row["id"])
    if entity is None:
        report.deleted += tables.mark_deleted(kind, row["id"], now=now())
    else:
        _compare(entity, row, tables, report, now=now)


def _is_live(row: Row, kind: Kind) -> bool:
    return not row["deleted"] and row.get("type", Kind.SEGMENT) == kind


def _agrees(entity: Entity, row: Row) -> bool:
    return row_of(entity) == {name: fact for name, fact in row.items() if name not in BOOKKEEPING}


def _check(seconds_left: Callable[[], float]) -> None:
    if seconds_left() < 10:
        raise OutOfTime(
            "The project has more campaigns, journeys and segments than one run compares. Rows "
            "that are written stay: invoke the function again, or wait for its next run."
        )
