"""One run of a campaign as it was when the run began, so that later edits do not change it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from engagement_hub.engagement.campaigns import (
    RunLimits,
    StoredCampaign,
    TreatmentContent,
    hook_of,
    limits_of,
    quiet_time_of,
    treatments_of,
)
from engagement_hub.engagement.eligibility import Rules
from engagement_hub.engagement.model import QuietTime
from engagement_hub.engagement.recommenders import uses_recommendations
from engagement_hub.hub import Hub
from engagement_hub.store.entities import ACCOUNT, Kind
from engagement_hub.store.names import load_template, run_activity_id, run_scope
from engagement_hub.workers.steps import Event
from shared.messages.content import (
    MessagePlan,
    has_inline_text,
    resolve,
    template_references,
)
from shared.messages.push import PUSH_MEMBERS

# Parts of a shard whose chunks follow each other in the order of their keys. More than a page of
# the audience has, so that no band of a shard stays empty before another one.
CHUNKS_A_BAND = 32


def run_id_of(event: Event) -> str:
    return f"{event['CampaignId']}-{event['Run']}"


def plan_key(run_id: str) -> str:
    return f"runs/{run_id}/plan.json"


def chunk_prefix(run_id: str) -> str:
    return f"runs/{run_id}/chunks/"


def results_prefix(run_id: str) -> str:
    """Return the prefix under which Step Functions writes the results of the map of chunks."""
    return f"runs/{run_id}/map-runs"


def templates_of(hub: Hub, campaign: StoredCampaign) -> dict[str, dict[str, Any]]:
    """Return template bodies by treatment and channel, in their active versions.

    Raises:
        NotFound: a template, or the version of it, is gone.
    """
    bodies: dict[str, dict[str, Any]] = {}
    for content in treatments_of(campaign):
        references = template_references(content.templates)
        bodies[content.id] = {
            channel: load_template(hub.entities, channel, name, version)
            for channel, (name, version) in references.items()
        }
    return bodies


def recommenders_of(
    hub: Hub, campaign: StoredCampaign, templates: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Return the recommender configurations that messages need, by treatment and channel.

    Args:
        templates: of `templates_of`.

    Raises:
        NotFound: a configuration is gone.
    """
    return {
        content.id: {
            channel: hub.entities.require(ACCOUNT, Kind.RECOMMENDER, template["RecommenderId"])
            for channel, template in templates[content.id].items()
            if uses_recommendations(template) and not has_inline_text(content.messages, channel)
        }
        for content in treatments_of(campaign)
    }


@dataclass(slots=True)
class Treatment:
    """The messages of one treatment, compiled at first use.

    `recommenders` are the configurations of the channels whose messages have recommendations.
    """

    content: TreatmentContent
    activity_id: str
    templates: Mapping[str, Any]
    recommenders: Mapping[str, Any] = field(default_factory=dict)
    _plans: dict[str, MessagePlan | None] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.content.id

    def plan(self, channel: str) -> MessagePlan | None:
        """Return the channel's message, or None.

        Raises:
            BadRequest: a text cannot be compiled.
        """
        if channel not in self._plans:
            self._plans[channel] = resolve(self.content.messages, self.templates, channel)
        return self._plans[channel]

    def has_push(self, channel: str) -> bool:
        """Check whether the campaign has content for a push channel, which the hub does not serve:
        its endpoints are reported as UNSUPPORTED_CHANNEL."""
        member = PUSH_MEMBERS.get(channel)
        if member is None:
            return False
        return bool(self.content.messages.get(member) or self.content.templates.get("PushTemplate"))


@dataclass(frozen=True, slots=True)
class RunPlan:
    """The run's snapshot, read from the work bucket."""

    run_id: str
    app_id: str
    campaign: StoredCampaign
    segment: Mapping[str, Any]
    scheduled_start: datetime
    started_at: datetime
    treatments: Mapping[str, Treatment]
    limits: RunLimits
    quiet_time: QuietTime | None
    hook: str | None

    def rules(self, channels: frozenset[str], disabled: frozenset[str]) -> Rules:
        """Return the rules of the run's messages on these channels."""
        return Rules(
            channels=channels,
            disabled=disabled,
            expires=self.limits.expires(self.started_at),
            quiet_time=self.quiet_time,
            caps=self.limits.caps,
        )

    @property
    def scope(self) -> str:
        return run_scope(self.run_id)

    @classmethod
    def load(cls, hub: Hub, run_id: str) -> RunPlan:
        return cls.of(run_id, hub.bucket.read_json(plan_key(run_id)))

    @classmethod
    def of(cls, run_id: str, document: Mapping[str, Any]) -> RunPlan:
        """Read the document that OpenRun writes: Campaign, Segment, Templates and Recommenders (by
        treatment and channel; a run from before recommenders has no such member), ProjectHasDaily,
        ScheduledStart and StartedAt (ISO 8601)."""
        campaign = cast(StoredCampaign, document["Campaign"])
        treatments = {
            content.id: Treatment(
                content,
                run_activity_id(run_id, content.id),
                document["Templates"].get(content.id, {}),
                document.get("Recommenders", {}).get(content.id, {}),
            )
            for content in treatments_of(campaign)
        }
        hook = hook_of(campaign)
        return cls(
            run_id=run_id,
            app_id=campaign["ApplicationId"],
            campaign=campaign,
            segment=document["Segment"],
            scheduled_start=datetime.fromisoformat(document["ScheduledStart"]),
            started_at=datetime.fromisoformat(document["StartedAt"]),
            treatments=treatments,
            limits=limits_of(campaign, project_has_daily=bool(document.get("ProjectHasDaily"))),
            quiet_time=quiet_time_of(campaign),
            hook=hook["LambdaFunctionName"] if hook else None,
        )


_PLANS: dict[str, RunPlan] = {}


def plan_of(hub: Hub, run_id: str) -> RunPlan:
    """Return the run's snapshot; the last one is kept, since a function works on many of its
    chunks."""
    if run_id not in _PLANS:
        _PLANS.clear()
        _PLANS[run_id] = RunPlan.load(hub, run_id)
    return _PLANS[run_id]


def chunk_key(run_id: str, shard: int, part: int, treatment_id: str, *, custom: bool) -> str:
    """Return the key of a chunk. The keys of a band of parts follow each other, of all shards: the
    Distributed Map works on chunks in the order of their keys, and reading the endpoints of one
    shard alone is bound by its partition, which takes 3,000 read units a second."""
    kind = "custom" if custom else "message"
    return f"{band_prefix(run_id, shard, part)}{part:06d}-{treatment_id}-{kind}.jsonl"


def band_prefix(run_id: str, shard: int, part: int) -> str:
    """Return the prefix of the chunks of a shard that are in one band with this part."""
    return f"{chunk_prefix(run_id)}{part // CHUNKS_A_BAND:05d}-{shard:02x}-"


@dataclass(frozen=True, slots=True)
class ChunkName:
    """The parts of a chunk's key: its id in RUNS_TABLE, its place, its treatment, its delivery."""

    id: str
    shard: int
    part: int
    treatment_id: str
    custom: bool

    @classmethod
    def of(cls, key: str) -> ChunkName:
        """Read a key; also a key without a band, from before bands."""
        name = key.rsplit("/", 1)[-1].removesuffix(".jsonl")
        *_, shard, part, treatment_id, kind = name.split("-")
        return cls(name, int(shard, 16), int(part), treatment_id, kind == "custom")
