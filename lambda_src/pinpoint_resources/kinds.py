"""The types of resource, each with the calls that find, make, change and delete one.

Operations, members and shapes come from botocore's models of `pinpoint` and
`pinpoint-sms-voice-v2`. types.json of the Terraform module lists the operations that the role may
call for each type.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from pinpoint_resources.calls import AlreadyThere, BadProperty, Call, CannotChange, Resource, Steps

# Marks what a configuration made, on whatever carries tags.
OWNER_TAG = "managed-by"


class Kind(ABC):
    """The common part of all types: one plan creates or updates the resource, another undoes it.

    `ApplicationSettings` is always there and can only be cleared. Everything else is a `Thing`,
    there or not: a `Slot` is filled by one put, a `Tagged` thing shows whose it is, and an event
    destination is neither.
    """

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self.check()

    @abstractmethod
    def check(self) -> None:
        """Raise for properties that cannot work, before any call."""

    def identity(self) -> tuple[str, ...]:
        """Return the properties that identify the resource; changing them creates a new one."""
        return ()

    def content(self) -> dict[str, Any]:
        """Return the body of the create or update request."""
        return dict(self.resource.properties)

    @abstractmethod
    def find(self) -> Steps:
        """Return the existing resource, or None."""

    @abstractmethod
    def owns(self, found: Mapping[str, Any]) -> bool:
        """Check whether what was found shows that this configuration made it."""

    @abstractmethod
    def create(self) -> Steps:
        """Make what `find` did not find."""

    @abstractmethod
    def change(self, found: Mapping[str, Any], before: Kind | None) -> Steps:
        """Make what was found as wanted; `before` as in `bring_about`."""

    @abstractmethod
    def remove(self) -> Steps:
        """Undo what this configuration made; leave alone what has another owner by now."""

    def still_owns(self, found: Mapping[str, Any]) -> bool:
        """Check like `owns`, for a resource that this configuration created before."""
        return self.owns(found)

    def belongs_to_another_key(self, found: Mapping[str, Any]) -> bool:
        """Check whether this function created the resource for another key of its module."""
        return False

    def take_from_another_key(self, found: Mapping[str, Any]) -> Steps:
        """Make this key the owner, and the resource as wanted."""
        return (yield from self.change(found, None))

    def matches(self, found: Mapping[str, Any]) -> bool:
        """Check whether what was found is as wanted already."""
        content = self.content()
        return {key: found.get(key) for key in content} == content

    def bring_about(self, before: Kind | None) -> Steps:
        """Create or change; `before` is the same resource with the properties of the last apply.

        Raises:
            AlreadyThere: something else made it, it is not as wanted, and TakeOver is not set.
        """
        found = yield from self.find()
        if found is None and before is not None and before.resource.owner != self.resource.owner:
            found = yield from before.find()  # a `moved` block gave the resource a new key
        if found is None:
            return (yield from self.create())
        if self.owns(found) or (before is not None and before.still_owns(found)):
            return (yield from self.change(found, before))
        if self.belongs_to_another_key(found):
            return (yield from self.take_from_another_key(found))
        if self.resource.take_over:
            return (yield from self.change(found, before))
        if not self.matches(found):
            what = " ".join((self.resource.type, *self.identity()))
            raise AlreadyThere(
                f"{self.resource.owner}: the {what} that is there was made by something else. "
                "Remove it, or set TakeOver = true in the properties to replace it."
            )
        return found

    # For the subclasses.

    def call(
        self, operation: str, parameters: Mapping[str, Any], *, absent_ok: bool = False
    ) -> Call:
        return Call("pinpoint", operation, parameters, absent_ok)

    def in_project(
        self,
        operation: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        absent_ok: bool = False,
    ) -> Call:
        project = {"ApplicationId": self.resource.project_id}
        return self.call(operation, {**project, **(parameters or {})}, absent_ok=absent_ok)


class Thing(Kind):
    """A resource that can be deleted."""

    @abstractmethod
    def delete(self, found: Mapping[str, Any]) -> Steps:
        """Delete the resource; it may be gone already."""

    def remove(self) -> Steps:
        found = yield from self.find()
        if found is not None and self.still_owns(found):
            yield from self.delete(found)
        return None


class Slot(Thing):
    """A place of the project that holds one thing or nothing; a put says all there is to say."""

    @abstractmethod
    def put(self) -> Steps:
        """Fill the place, whatever it holds."""

    def create(self) -> Steps:
        return (yield from self.put())

    def change(self, found: Mapping[str, Any], before: Kind | None) -> Steps:
        return dict(found) if self.matches(found) else (yield from self.put())


class Tagged(Thing):
    """A thing that carries its owner's tag."""

    def owns(self, found: Mapping[str, Any]) -> bool:
        return bool((found.get("tags") or {}).get(OWNER_TAG) == self.resource.owner)

    def belongs_to_another_key(self, found: Mapping[str, Any]) -> bool:
        owner = str((found.get("tags") or {}).get(OWNER_TAG, ""))
        return owner != self.resource.owner and owner.startswith(f"{self.resource.function}/")

    def take_from_another_key(self, found: Mapping[str, Any]) -> Steps:
        """Make this key the owner, and the resource as wanted.

        Terraform deletes a renamed key's old instance at the same time. The owner's tag stops that
        deletion; a resource that was deleted before the tag changed is created again.
        """
        owner = {
            "ResourceArn": found["Arn"],
            "TagsModel": {"tags": {OWNER_TAG: self.resource.owner}},
        }
        yield self.call("TagResource", owner, absent_ok=True)
        left = yield from self.find()
        return (yield from self.create() if left is None else self.change(left, None))

    def tags(self) -> dict[str, str]:
        return {**(self.resource.properties.get("tags") or {}), OWNER_TAG: self.resource.owner}

    def retag(self, found: Mapping[str, Any]) -> Steps:
        """Bring the tags in step: update operations ignore the tags in their request."""
        there, wanted = found.get("tags") or {}, self.tags()
        if surplus := sorted(set(there) - set(wanted)):
            yield self.call("UntagResource", {"ResourceArn": found["Arn"], "TagKeys": surplus})
        if any(there.get(key) != value for key, value in wanted.items()):
            tags = {"ResourceArn": found["Arn"], "TagsModel": {"tags": wanted}}
            yield self.call("TagResource", tags)
        return None

    def find_by_tag(
        self, operation: str, payload: str, parameters: Mapping[str, str] | None = None
    ) -> Steps:
        """Look through all pages for the resource with the owner's tag."""
        page = {"PageSize": "100", **(parameters or {})}
        while True:
            answer = yield self.call(operation, dict(page), absent_ok=True)
            listing = _payload(answer, payload) or {}
            for item in listing.get("Item", []):
                if self.owns(item):
                    return dict(item)
            token = listing.get("NextToken")
            if not token:
                return None
            page["Token"] = token


class App(Tagged):
    """A project; found again by its owner tag, because names are not unique."""

    def check(self) -> None:
        self.resource.required("Name")

    def find(self) -> Steps:
        return (yield from self.find_by_tag("GetApps", "ApplicationsResponse"))

    def create(self) -> Steps:
        body = {**self.content(), "tags": self.tags()}
        answer = yield self.call("CreateApp", {"CreateApplicationRequest": body})
        return _payload(answer, "ApplicationResponse")

    def change(self, found: Mapping[str, Any], before: Kind | None) -> Steps:
        # The state keeps the new key even if this update fails: the tag has to follow it first.
        yield from self.retag(found)
        if found["Name"] != self.resource.required("Name"):
            raise CannotChange(
                f"{self.resource.owner}: a project cannot be renamed (it is called "
                f"{found['Name']}). Keep its Name, or replace the resource and lose the project."
            )
        return dict(found)

    def delete(self, found: Mapping[str, Any]) -> Steps:
        yield self.call("DeleteApp", {"ApplicationId": found["Id"]}, absent_ok=True)
        return None


class ApplicationSettings(Kind):
    """The project's defaults. There is one set; only the members that are named are touched."""

    NEUTRAL: ClassVar[Mapping[str, Any]] = {
        "CampaignHook": {},
        "CloudWatchMetricsEnabled": False,
        "EventTaggingEnabled": False,
        "JourneyLimits": {},
        "Limits": {},
        "QuietTime": {},
    }

    def check(self) -> None:
        if unknown := sorted(set(self.resource.properties) - set(self.NEUTRAL)):
            raise BadProperty(
                f"{self.resource.owner}: ApplicationSettings has no {', '.join(unknown)}. "
                f"Use {', '.join(self.NEUTRAL)}."
            )

    def find(self) -> Steps:
        answer = yield self.in_project("GetApplicationSettings", absent_ok=True)
        return _payload(answer, "ApplicationSettingsResource")

    def owns(self, found: Mapping[str, Any]) -> bool:
        """Check whether the project's one hook is ours: setting another one would replace it."""
        there = _given(found.get("CampaignHook"))
        wanted = _given(self.resource.properties.get("CampaignHook"))
        return not there or not wanted or there == wanted

    def create(self) -> Steps:
        return (yield from self._put(self.content()))

    def change(self, found: Mapping[str, Any], before: Kind | None) -> Steps:
        dropped = {} if before is None else before.resource.properties
        cleared = {member: self.NEUTRAL[member] for member in dropped}
        return (yield from self._put({**cleared, **self.content()}))

    def remove(self) -> Steps:
        found = yield from self.find()
        if found is None:  # the project is gone, and its settings with it
            return None
        theirs = () if self.owns(found) else ("CampaignHook",)
        if members := self.resource.without(*theirs):
            yield from self._put({member: self.NEUTRAL[member] for member in members})
        return None

    def _put(self, body: Mapping[str, Any]) -> Steps:
        request = {"WriteApplicationSettingsRequest": body}
        answer = yield self.in_project("UpdateApplicationSettings", request)
        return _payload(answer, "ApplicationSettingsResource")


class Channel(Slot):
    """One of the project's channels."""

    SHAPES: ClassVar[Mapping[str, tuple[str, str]]] = {
        "email": ("Email", "EmailChannel"),
        "sms": ("Sms", "SMSChannel"),
        "voice": ("Voice", "VoiceChannel"),
    }

    def check(self) -> None:
        channel = self.resource.required("Channel")
        if channel not in self.SHAPES:
            raise BadProperty(
                f"{self.resource.owner}: Channel is {channel}; use one of {', '.join(self.SHAPES)}."
            )
        self.name, self.shape = self.SHAPES[channel]

    def identity(self) -> tuple[str, ...]:
        return (self.resource.required("Channel"),)

    def content(self) -> dict[str, Any]:
        return self.resource.without("Channel")

    def owns(self, found: Mapping[str, Any]) -> bool:
        return True  # a channel belongs to the project, independent of its settings

    def find(self) -> Steps:
        answer = yield self.in_project(f"Get{self.name}Channel", absent_ok=True)
        return _payload(answer, f"{self.shape}Response")

    def put(self) -> Steps:
        request = {f"{self.shape}Request": self.content()}
        answer = yield self.in_project(f"Update{self.name}Channel", request)
        return _payload(answer, f"{self.shape}Response")

    def delete(self, found: Mapping[str, Any]) -> Steps:
        yield self.in_project(f"Delete{self.name}Channel", absent_ok=True)
        return None


class Segment(Tagged):
    """A dimensional segment; found again by its owner tag, because names are not unique."""

    def check(self) -> None:
        self.resource.required("Name")

    def content(self) -> dict[str, Any]:
        return self.resource.without("tags")

    def find(self) -> Steps:
        project = {"ApplicationId": self.resource.project_id}
        return (yield from self.find_by_tag("GetSegments", "SegmentsResponse", project))

    def create(self) -> Steps:
        body = {**self.content(), "tags": self.tags()}
        answer = yield self.in_project("CreateSegment", {"WriteSegmentRequest": body})
        return _payload(answer, "SegmentResponse")

    def change(self, found: Mapping[str, Any], before: Kind | None) -> Steps:
        yield from self.retag(found)
        if self.matches(found):  # an update would make a version for nothing
            return dict(found)
        request = {"SegmentId": found["Id"], "WriteSegmentRequest": self.content()}
        return _payload((yield self.in_project("UpdateSegment", request)), "SegmentResponse")

    def delete(self, found: Mapping[str, Any]) -> Steps:
        yield self.in_project("DeleteSegment", {"SegmentId": found["Id"]}, absent_ok=True)
        return None


class _Template(Tagged):
    """A message template; names are unique per account and type."""

    NAME: ClassVar[str]
    SHAPE: ClassVar[str]

    def check(self) -> None:
        self.resource.required("TemplateName")

    def identity(self) -> tuple[str, ...]:
        return (self.resource.required("TemplateName"),)

    def content(self) -> dict[str, Any]:
        return self.resource.without("TemplateName", "tags")

    def find(self) -> Steps:
        answer = yield self._call("Get", {}, absent_ok=True)
        return _payload(answer, f"{self.SHAPE}TemplateResponse")

    def create(self) -> Steps:
        body = {**self.content(), "tags": self.tags()}
        yield self._call("Create", {f"{self.SHAPE}TemplateRequest": body})
        return None  # the answer has no version: read it back

    def change(self, found: Mapping[str, Any], before: Kind | None) -> Steps:
        yield from self.retag(found)
        if self.matches(found):
            return dict(found)
        # A new version: campaigns that name the old one keep what they were approved with.
        request = {"CreateNewVersion": True, f"{self.SHAPE}TemplateRequest": self.content()}
        yield self._call("Update", request)
        activation = {
            "TemplateName": self.resource.required("TemplateName"),
            "TemplateType": self.NAME.upper(),
            "TemplateActiveVersionRequest": {"Version": "latest"},
        }
        yield self.call("UpdateTemplateActiveVersion", activation)
        return None

    def delete(self, found: Mapping[str, Any]) -> Steps:
        yield self._call("Delete", {}, absent_ok=True)
        return None

    def _call(self, verb: str, parameters: Mapping[str, Any], *, absent_ok: bool = False) -> Call:
        named = {"TemplateName": self.resource.required("TemplateName"), **parameters}
        return self.call(f"{verb}{self.NAME}Template", named, absent_ok=absent_ok)


class EmailTemplate(_Template):
    NAME = "Email"
    SHAPE = "Email"


class SmsTemplate(_Template):
    NAME = "Sms"
    SHAPE = "SMS"


class EventStream(Slot):
    """Where the project's events go. There is one, and a put cuts off the reader before."""

    def check(self) -> None:
        self.resource.required("DestinationStreamArn")
        self.resource.required("RoleArn")

    def owns(self, found: Mapping[str, Any]) -> bool:
        stream = self.resource.required("DestinationStreamArn")
        return bool(found.get("DestinationStreamArn") == stream)

    def find(self) -> Steps:
        answer = yield self.in_project("GetEventStream", absent_ok=True)
        return _payload(answer, "EventStream")

    def put(self) -> Steps:
        answer = yield self.in_project("PutEventStream", {"WriteEventStream": self.content()})
        return _payload(answer, "EventStream")

    def delete(self, found: Mapping[str, Any]) -> Steps:
        yield self.in_project("DeleteEventStream", absent_ok=True)
        return None


class SmsConfigurationSetEventDestination(Thing):
    """Where End User Messaging SMS sends the events of a configuration set."""

    def check(self) -> None:
        self.resource.required("ConfigurationSetName")
        self.resource.required("EventDestinationName")

    def identity(self) -> tuple[str, ...]:
        names = ("ConfigurationSetName", "EventDestinationName")
        return tuple(self.resource.required(name) for name in names)

    def owns(self, found: Mapping[str, Any]) -> bool:
        return False  # destinations carry no tags: nothing shows who made one

    def still_owns(self, found: Mapping[str, Any]) -> bool:
        return True  # the name is the claim

    def find(self) -> Steps:
        set_name, name = self.identity()
        request = {"ConfigurationSetNames": [set_name]}
        answer = yield self._call("DescribeConfigurationSets", request, absent_ok=True)
        for configuration_set in (answer or {}).get("ConfigurationSets", []):
            for destination in configuration_set.get("EventDestinations", []):
                if destination["EventDestinationName"] == name:
                    return {**destination, "ConfigurationSetName": set_name}
        return None

    def create(self) -> Steps:
        yield self._call("CreateEventDestination", self.resource.without("Enabled"))
        if (
            self.resource.properties.get("Enabled") is False
        ):  # the create request has no such member
            yield self._call("UpdateEventDestination", self.content())
        return None

    def change(self, found: Mapping[str, Any], before: Kind | None) -> Steps:
        if not self.matches(found):
            yield self._call("UpdateEventDestination", self.content())
        return None

    def delete(self, found: Mapping[str, Any]) -> Steps:
        set_name, name = self.identity()
        request = {"ConfigurationSetName": set_name, "EventDestinationName": name}
        yield self._call("DeleteEventDestination", request, absent_ok=True)
        return None

    def _call(
        self, operation: str, parameters: Mapping[str, Any], *, absent_ok: bool = False
    ) -> Call:
        return Call("pinpoint-sms-voice-v2", operation, parameters, absent_ok)


class SmsPhoneNumber(Kind):
    """Settings of an origination number of End User Messaging that the account has already.

    Tags of the number hold the settings from before the first change, so that a removal restores
    them, and the configuration that manages the number.
    """

    SETTINGS: ClassVar[tuple[str, ...]] = (
        "OptOutListName",
        "SelfManagedOptOutsEnabled",
        "TwoWayChannelArn",
        "TwoWayChannelRole",
        "TwoWayEnabled",
    )
    EARLIER: ClassVar[str] = "earlier-"
    LONGEST_TAG: ClassVar[int] = 256

    def check(self) -> None:
        self.resource.required("PhoneNumberId")
        if unknown := sorted(set(self.content()) - set(self.SETTINGS)):
            raise BadProperty(
                f"{self.resource.owner}: SmsPhoneNumber has no {', '.join(unknown)}. "
                f"Use {', '.join(self.SETTINGS)}."
            )

    def identity(self) -> tuple[str, ...]:
        return (self.resource.required("PhoneNumberId"),)

    def content(self) -> dict[str, Any]:
        return self.resource.without("PhoneNumberId")

    def find(self) -> Steps:
        request = {"PhoneNumberIds": [*self.identity()]}
        answer = yield self._call("DescribePhoneNumbers", request, absent_ok=True)
        numbers = (answer or {}).get("PhoneNumbers", [])
        if not numbers:
            return None
        arn = {"ResourceArn": numbers[0]["PhoneNumberArn"]}
        tags = (yield self._call("ListTagsForResource", arn)) or {}
        return {**numbers[0], "tags": {tag["Key"]: tag["Value"] for tag in tags.get("Tags", [])}}

    def owns(self, found: Mapping[str, Any]) -> bool:
        return bool(found["tags"].get(OWNER_TAG) == self.resource.owner)

    def bring_about(self, before: Kind | None) -> Steps:
        found = yield from self.find()
        if found is None:
            return (yield from self.create())
        owner = str(found["tags"].get(OWNER_TAG, ""))
        ours = owner == "" or owner.startswith(f"{self.resource.function}/")
        if not ours and not self.resource.take_over:
            raise AlreadyThere(
                f"{self.resource.owner}: another configuration manages the settings of the phone "
                f"number ({owner}). Remove the number there, or set TakeOver = true."
            )
        return (yield from self.change(found, before))

    def create(self) -> Steps:
        raise BadProperty(
            f"{self.resource.owner}: there is no phone number {self.identity()[0]} in this account "
            "and region. Give the id or the ARN of a number that the account has."
        )
        yield  # a generator, as all plans

    def change(self, found: Mapping[str, Any], before: Kind | None) -> Steps:
        tags = found["tags"]
        earlier = {name: tags[name] for name in self._earlier_tags(found) if name in tags}
        wanted = {OWNER_TAG: self.resource.owner, **(earlier or self._earlier_tags(found))}
        # The tags first: after a failure the settings from before are still known.
        if any(tags.get(name) != value for name, value in wanted.items()):
            pairs = [{"Key": name, "Value": value} for name, value in wanted.items()]
            yield self._call("TagResource", {"ResourceArn": found["PhoneNumberArn"], "Tags": pairs})
        dropped = set() if before is None else set(before.content()) - set(self.content())
        settings = {**self._restored(wanted, dropped), **self.content()}
        yield from self._set(found, settings)
        return {**found, **settings}

    def remove(self) -> Steps:
        found = yield from self.find()
        if found is None or not self.owns(found):
            return None
        # A setting that something else changed since stays.
        still = {name for name, value in self.content().items() if _same(found.get(name), value)}
        yield from self._set(found, self._restored(found["tags"], still))
        names = [name for name in found["tags"] if name.startswith(self.EARLIER)]
        untag = {"ResourceArn": found["PhoneNumberArn"], "TagKeys": [*names, OWNER_TAG]}
        yield self._call("UntagResource", untag, absent_ok=True)
        return None

    def _set(self, found: Mapping[str, Any], settings: Mapping[str, Any]) -> Steps:
        if any(not _same(found.get(name), value) for name, value in settings.items()):
            request = {"PhoneNumberId": found["PhoneNumberId"], **settings}
            yield self._call("UpdatePhoneNumber", request)
        return None

    def _earlier_tags(self, found: Mapping[str, Any]) -> dict[str, str]:
        values = {name: found.get(name, "") for name in self.SETTINGS}
        if too_long := [
            name for name, value in values.items() if len(str(value)) > self.LONGEST_TAG
        ]:
            raise BadProperty(
                f"{self.resource.owner}: {', '.join(too_long)} of the phone number is longer than "
                f"{self.LONGEST_TAG} characters, the limit of a tag, which has to keep it for a "
                "removal. Use a topic with a shorter name."
            )
        return {
            f"{self.EARLIER}{name}": str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in values.items()
        }

    def _restored(self, tags: Mapping[str, str], names: Iterable[str]) -> dict[str, Any]:
        """Return earlier settings. A setting that was absent has no value to go back to."""
        earlier = {name: tags.get(f"{self.EARLIER}{name}", "") for name in names}
        return {
            name: value == "true" if value in ("true", "false") else value
            for name, value in sorted(earlier.items())
            if value
        }

    def _call(
        self, operation: str, parameters: Mapping[str, Any], *, absent_ok: bool = False
    ) -> Call:
        return Call("pinpoint-sms-voice-v2", operation, parameters, absent_ok)


TYPES: Mapping[str, type[Kind]] = {
    kind.__name__: kind
    for kind in (
        App,
        ApplicationSettings,
        Channel,
        EmailTemplate,
        EventStream,
        Segment,
        SmsConfigurationSetEventDestination,
        SmsPhoneNumber,
        SmsTemplate,
    )
}


def _payload(answer: Mapping[str, Any] | None, member: str) -> dict[str, Any] | None:
    return None if answer is None else dict(answer[member])


def _given(structure: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the members that have a value: answers may hold nulls for absent members."""
    return {key: value for key, value in (structure or {}).items() if value is not None}


def _same(there: object, wanted: object) -> bool:
    """Compare settings. An opt-out list is described by its name, and can be given by its ARN."""
    if isinstance(there, str) and isinstance(wanted, str):
        return there == wanted or wanted.endswith(f":opt-out-list/{there}")
    return there == wanted
