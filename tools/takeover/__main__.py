"""Take over saved data of Amazon Pinpoint into an engagement hub: docs/taking_over.md."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from tools.errors import ToolError
from tools.takeover.answers import Answers, is_endpoint
from tools.takeover.documents import Document, Problem, is_export, read_answers, read_export
from tools.takeover.endpoints import Staging
from tools.takeover.hub import HubProject, NoHub, hub_client, region_of
from tools.takeover.places import SavedFile, saved_files
from tools.takeover.report import Report, private
from tools.takeover.resources import Resources, refusal_text
from tools.takeover.shapes import Unfit
from tools.takeover.stored_map import StoredMap
from tools.takeover.substitutes import read_substitutes
from tools.takeover.transfer import Bucket, Transfer

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PROBLEMS_OF_A_FILE = 20
_PROGRESS_SECONDS = 5.0
_KINDS = ("segment", "template", "template-version", "journey", "campaign", "setting")


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.takeover",
        description=(
            "Create the endpoints, segments, templates, journeys, campaigns and settings of saved "
            "files in a project of an engagement hub. No message goes out: journeys arrive as "
            "DRAFT and campaigns paused. A second run goes on where the first one ended."
        ),
        epilog=(
            "Exit status: 0 all is there; 1 the report names what is not; 2 the run could not "
            "begin or go on."
        ),
    )
    add = parser.add_argument
    add(
        "--from",
        dest="places",
        action="append",
        required=True,
        metavar="PLACE",
        help="folder, file or s3://bucket/prefix of the saved files; may be repeated",
    )
    add("--old-project", help="id of the Pinpoint project, where the files are of several")
    add("--to-project", help="id of the hub's project; left out in a dry run without a hub")
    add(
        "--api-url",
        default=os.environ.get("PINPOINT_API_URL"),
        help="the hub's output api_url (default: PINPOINT_API_URL)",
    )
    add("--region", default=os.environ.get("AWS_REGION"), help="Region of the hub's API")
    add("--substitutes", type=Path, help="JSON file of the hub's counterparts (functions, …)")
    add("--staging", help="s3://bucket/prefix/ for the files of import and export jobs")
    add("--role-arn", help="role that the hub takes to read and write --staging")
    add("--work", type=Path, default=Path("takeover"), help="folder of the map and the report")
    add("--dry-run", action="store_true", help="write nothing to the hub; report what would be")
    options = parser.parse_args(arguments)
    if not options.dry_run and not (options.to_project and options.api_url):
        parser.error("--to-project and --api-url are needed; without a hub, --dry-run works.")
    if bool(options.to_project) != bool(options.api_url):
        parser.error("--to-project and --api-url belong together.")
    if bool(options.staging) != bool(options.role_arn):
        parser.error("--staging and --role-arn belong together.")
    if options.staging and not (
        options.staging.startswith("s3://") and options.staging.endswith("/")
    ):
        parser.error("--staging must have the form s3://bucket/prefix/ with a slash at the end.")
    return options


def take_over(
    options: argparse.Namespace,
    *,
    hub: HubProject,
    s3: Callable[[], S3Client],
    show: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
) -> Report:
    """Take over; see the options.

    Raises:
        ToolError, ClientError, BotoCoreError: the run cannot begin, or go on. The report of the
            resources until then is written.
    """
    report = Report(options.dry_run)
    substitutes = read_substitutes(options.substitutes)
    progress = _Progress(show)
    options.work.mkdir(mode=0o700, parents=True, exist_ok=True)
    staging = Staging(options.work / f"endpoints-{os.getpid()}.sqlite", hub.project_id)
    try:
        answers = Answers()
        files = [file for place in options.places for file in saved_files(place, s3)]
        _read(files, answers, staging, options.old_project, report, progress)
        saved = answers.project(options.old_project)
        report.problems[:0] = answers.problems
        report.warnings += answers.warnings
        folder = options.work / f"{saved.project_id}-{hub.project_id}"
        folder.mkdir(mode=0o700, exist_ok=True)
        bucket = Bucket(options.staging, options.role_arn, s3()) if options.staging else None
        with StoredMap(folder / "map.jsonl", saved.project_id, hub.project_id) as stored:
            transfer = Transfer(
                saved, staging, hub, stored, report, bucket, progress=progress, sleep=sleep
            )
            transfer.check_means()
            try:
                transfer.endpoints()
                imported = transfer.segments()
                Resources(saved, hub, stored, substitutes, report, progress=progress).take(imported)
            finally:
                report.write(folder / "report.json")
                _write_map(folder / "map.json", stored)
        for line in report.lines(folder / "report.json"):
            show(line)
    finally:
        staging.close()
    return report


def _read(
    files: Sequence[SavedFile],
    answers: Answers,
    staging: Staging,
    old_project: str | None,
    report: Report,
    progress: Callable[[str, int, int], None],
) -> None:
    """Sort the documents of all files.

    Exports are read last: the endpoints of a folder that has the id of an imported segment are its
    members.
    """
    exports: list[SavedFile] = []
    members: set[str] = set()

    def read(file: SavedFile, documents: Iterable[Document | Problem]) -> None:
        problems: list[str] = []
        for found in documents:
            if isinstance(found, Problem):
                problems.append(found.text)
                continue
            for endpoint in answers.add(found):
                if old_project in (None, endpoint.get("ApplicationId", old_project)):
                    problems += _stage(found, endpoint, staging, members)
        report.problems += problems[:_PROBLEMS_OF_A_FILE]
        if len(problems) > _PROBLEMS_OF_A_FILE:
            more = len(problems) - _PROBLEMS_OF_A_FILE
            report.problems.append(f"{file.name}: {more} more problems.")

    def attempt(file: SavedFile, work: Callable[[], None]) -> None:
        try:
            work()
        except (OSError, ClientError, BotoCoreError) as error:
            report.problems.append(f"{file.name} cannot be read ({type(error).__name__}).")

    def sort(file: SavedFile) -> None:
        if is_export(file, is_endpoint):
            exports.append(file)
        else:
            read(file, read_answers(file))

    for number, file in enumerate(files, start=1):
        attempt(file, partial(sort, file))
        progress("files looked at", number, len(files))
    members |= answers.imported_segments()
    for number, file in enumerate(exports, start=1):
        attempt(file, lambda file=file: read(file, read_export(file)))  # type: ignore[misc]  # called at once
        progress("exports read", number, len(exports))


def _stage(
    found: Document, endpoint: dict[str, Any], staging: Staging, members: set[str]
) -> list[str]:
    """Keep an endpoint. Returns its problem, if it has one."""
    segments = [folder for folder in found.file.folders if folder in members]
    try:
        staging.add(endpoint, found.place, segments[-1] if segments else None)
    except Unfit as error:
        return [f"{found.place}: {error}"]
    return []


def _write_map(path: Path, stored: StoredMap) -> None:
    with private(path) as file:
        json.dump({kind: dict(stored.entries(kind)) for kind in _KINDS}, file, indent=2)
        file.write("\n")


class _Progress:
    """Shows the number of finished things, at the end and every few seconds."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._shown = time.monotonic()

    def __call__(self, kind: str, done: int, total: int) -> None:
        now = time.monotonic()
        if done == total or now - self._shown >= _PROGRESS_SECONDS:
            self._shown = now
            self._show(f"… {kind} {done} of {total}")


def main(arguments: Sequence[str]) -> int:
    import boto3

    options = parsed(arguments)

    def show(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    try:
        hub: HubProject = NoHub()
        if options.api_url:
            region = region_of(options.api_url, options.region)
            hub = HubProject(options.to_project, hub_client(options.api_url, region))
            _ = hub.app  # a wrong id or a refusal ends the run before files are read
        report = take_over(options, hub=hub, s3=lambda: boto3.client("s3"), show=show)
    except ToolError as error:
        show(str(error))
        return 2
    except (ClientError, BotoCoreError) as error:
        show(refusal_text(error))
        return 2
    except KeyboardInterrupt:
        show("Interrupted. Run again: the run goes on from here.")
        return 2
    return 0 if report.is_complete else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
