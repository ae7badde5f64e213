"""The calls that a takeover makes to the project of a hub."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from botocore.config import Config

from journey_copy.projects import Project
from journey_copy.rules import Place
from shared.journeys import Kind
from shared.pinpoint import all_items, current_endpoint, pinpoint_client_at
from tools.errors import ToolError

if TYPE_CHECKING:
    from mypy_boto3_pinpoint import PinpointClient

__all__ = ["HubProject", "NoHub", "hub_client", "region_of"]

_API = re.compile(r"https?://[^/]+\.execute-api\.(?P<region>[a-z0-9-]+)\.amazonaws\.com")
# A hub recognises the attempts of one call, so that each call can be repeated. New accounts have a
# small concurrency of functions, which answers 429 for a while.
_PATIENT = Config(read_timeout=29, retries={"mode": "standard", "max_attempts": 8})


def region_of(api_url: str, given: str | None) -> str:
    """Return the Region of a hub's API.

    Raises:
        ToolError: the URL has no Region, and no Region is given.
    """
    match = _API.match(api_url)
    region = match["region"] if match else given
    if not region:
        raise ToolError(
            f"--api-url {api_url} names no Region. Give the hub's output api_url, or --region."
        )
    return region


def hub_client(api_url: str, region: str) -> PinpointClient:
    """Return a client of the hub's API with the credentials of the shell."""
    return pinpoint_client_at(api_url, region=region, config=_PATIENT)


class HubProject(Project):
    """The project to take over into.

    Lists are read once, at the beginning of a run, to find the work of earlier runs. A run adds to
    them the resources that it creates by itself.
    """

    def __init__(self, project_id: str, client: PinpointClient) -> None:
        super().__init__(project_id, client, client)

    @cached_property
    def app(self) -> Mapping[str, Any]:
        """The project itself."""
        answer: Mapping[str, Any] = self._client.get_app(ApplicationId=self.project_id)
        app: Mapping[str, Any] = answer["ApplicationResponse"]
        return app

    @property
    def place(self) -> Place | None:
        """The account and the Region of the hub."""
        parts = self.app["Arn"].split(":")
        return Place(parts[4], parts[3])

    @cached_property
    def known_segments(self) -> list[dict[str, Any]]:
        """The segments at the beginning of the run."""
        return list(self.segments())

    @cached_property
    def known_journeys(self) -> list[dict[str, Any]]:
        """The journeys at the beginning of the run."""
        return list(self.journeys())

    @cached_property
    def known_campaigns(self) -> list[dict[str, Any]]:
        """The campaigns at the beginning of the run."""
        return list(all_items(self._client.get_campaigns, ApplicationId=self.project_id))

    @cached_property
    def known_templates(self) -> set[tuple[str, str]]:
        """The type and the name of each template at the beginning of the run."""
        rows = all_items(self._client.list_templates, token_name="NextToken")
        return {(row["TemplateType"], row["TemplateName"]) for row in rows}

    def template_versions(self, kind: Kind, name: str) -> list[int]:
        """List the numbers of a template's versions."""
        rows = all_items(
            self._client.list_template_versions,
            token_name="NextToken",
            TemplateName=name,
            TemplateType=kind.value.removesuffix("_TEMPLATE"),
        )
        return sorted(int(row["Version"]) for row in rows)

    def create_campaign(self, body: Mapping[str, Any]) -> str:
        """Create a campaign. Returns its id."""
        answer = self._client.create_campaign(
            ApplicationId=self.project_id, WriteCampaignRequest=dict(body)
        )
        return str(answer["CampaignResponse"]["Id"])

    def tag_journey(self, journey_id: str, tags: Mapping[str, str]) -> None:
        """Add tags to a journey; a request that creates a journey has no tags."""
        self._client.tag_resource(
            ResourceArn=f"{self.app['Arn']}/journeys/{journey_id}", TagsModel={"tags": dict(tags)}
        )

    def settings(self) -> Mapping[str, Any]:
        """Return the settings of the project."""
        answer = self._client.get_application_settings(ApplicationId=self.project_id)
        found: Mapping[str, Any] = answer["ApplicationSettingsResource"]
        return found

    def update_settings(self, body: Mapping[str, Any]) -> None:
        """Set some settings; the others stay."""
        self._client.update_application_settings(
            ApplicationId=self.project_id, WriteApplicationSettingsRequest=dict(body)
        )

    # Endpoints

    def endpoint(self, endpoint_id: str) -> Mapping[str, Any] | None:
        """Return an endpoint; None if there is no such endpoint."""
        return current_endpoint(self._client, self.project_id, endpoint_id)

    def update_endpoints(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Create or update at most 100 endpoints; a refusal leaves all of them as they were."""
        self._client.update_endpoints_batch(
            ApplicationId=self.project_id, EndpointBatchRequest={"Item": list(items)}
        )

    def import_jobs(self) -> Iterator[dict[str, Any]]:
        """Yield every import job of the project."""
        return all_items(self._client.get_import_jobs, ApplicationId=self.project_id)

    def create_import_job(self, definition: Mapping[str, Any]) -> dict[str, Any]:
        """Create an import job. Returns its response."""
        answer = self._client.create_import_job(
            ApplicationId=self.project_id, ImportJobRequest=dict(definition)
        )
        job: dict[str, Any] = answer["ImportJobResponse"]
        return job

    def import_job(self, job_id: str) -> dict[str, Any]:
        """Return an import job as it is now."""
        answer = self._client.get_import_job(ApplicationId=self.project_id, JobId=job_id)
        job: dict[str, Any] = answer["ImportJobResponse"]
        return job

    def create_export_job(self, definition: Mapping[str, Any]) -> dict[str, Any]:
        """Create an export job of every endpoint. Returns its response."""
        answer = self._client.create_export_job(
            ApplicationId=self.project_id, ExportJobRequest=dict(definition)
        )
        job: dict[str, Any] = answer["ExportJobResponse"]
        return job

    def export_job(self, job_id: str) -> dict[str, Any]:
        """Return an export job as it is now."""
        answer = self._client.get_export_job(ApplicationId=self.project_id, JobId=job_id)
        job: dict[str, Any] = answer["ExportJobResponse"]
        return job


class NoHub(HubProject):
    """An empty project, for a dry run before there is a hub."""

    def __init__(self) -> None:
        self.project_id = "no-hub"
        self.known_segments = []
        self.known_journeys = []
        self.known_campaigns = []
        self.known_templates = set()

    @property
    def place(self) -> Place | None:
        """Return None: the place is not known."""
        return None

    def settings(self) -> Mapping[str, Any]:
        """Return no settings."""
        return {}

    def endpoint(self, endpoint_id: str) -> Mapping[str, Any] | None:
        """Return None: there are no endpoints."""
        return None

    def import_jobs(self) -> Iterator[dict[str, Any]]:
        """Yield no jobs."""
        return iter(())

    def _members(self, shape: str) -> list[str]:
        from tools.takeover.shapes import members_of

        return list(members_of(shape))
