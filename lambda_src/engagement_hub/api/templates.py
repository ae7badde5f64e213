"""Message templates for email, SMS, voice, push and in-app messages, and their versions.

An update replaces the content of the newest version, or with `create-new-version` adds a version,
which is used once it is made the active one. Version numbers are never used again.
"""

import functools
import re

from engagement_hub.api.endpoints import accepted
from engagement_hub.api.operation import Operation
from engagement_hub.api.tags import tags_of
from engagement_hub.api.wire import Call
from engagement_hub.engagement.errors import BadRequest, NotFound
from engagement_hub.engagement.model import JsonObject
from engagement_hub.engagement.template_requests import (
    TEMPLATE_TYPES,
    validate_template,
    validate_template_name,
)
from engagement_hub.hub import Hub
from engagement_hub.store.entities import ACCOUNT, AlreadyExists, Kind, Only
from engagement_hub.store.names import ACTIVE_VERSION, load_template, template_id

__all__ = ["OPERATIONS"]

# Type → its word in the names of operations.
_WORDS = {
    "EMAIL": "Email",
    "SMS": "Sms",
    "VOICE": "Voice",
    "PUSH": "Push",
    "INAPP": "InApp",
}
_LATEST = "latest"
_VERSION = re.compile(r"[1-9][0-9]{0,7}")
# The highest number that was ever given to a version of the template.
_NUMBERS = "HighestVersion"
# The digest of the call that made the version, by which a repetition of the call is known.
_MADE_BY = "MadeBy"


def _create(kind: str, hub: Hub, call: Call) -> JsonObject:
    name = call.labels["template-name"]
    validate_template_name(name)
    _check(hub, kind, call)
    template = {
        **call.body,
        "Arn": hub.account.arn(f"templates/{name}/{kind}"),
        "CreationDate": call.timestamp,
        "LastModifiedDate": call.timestamp,
        "TemplateName": name,
        "TemplateType": kind,
        "Version": "1",
        ACTIVE_VERSION: "1",
        _NUMBERS: 1,
        "tags": tags_of(call.body),
        **_made_by(call),
    }
    entity_id = template_id(name, kind)
    try:
        hub.entities.put_new(ACCOUNT, Kind.TEMPLATE, entity_id, template)
    except AlreadyExists as error:
        first = hub.entities.get_version(ACCOUNT, Kind.TEMPLATE, entity_id, 1)
        if first is None or not _is_made_by(call, first):
            raise _taken(kind, name) from error
    return {**accepted(call, "Created"), "Arn": template["Arn"]}


def _get(kind: str, hub: Hub, call: Call) -> JsonObject:
    name = call.labels["template-name"]
    newest = _require(hub, kind, name)
    version = call.query.get("version")
    # Tags are the template's and not a version's.
    body = load_template(hub.entities, kind, name, _resolved(newest, version))
    return {**body, "tags": newest["tags"]}


def _update(kind: str, hub: Hub, call: Call) -> JsonObject:
    """Replace the newest version's content, or add a version.

    Raises:
        BadRequest: the content breaks a rule, or the version named is not the newest.
    """
    name = call.labels["template-name"]
    _check(hub, kind, call)
    version = call.query.get("version")
    adds = _flag(call, "create-new-version")
    if adds and version is not None:
        raise BadRequest("version cannot be given together with create-new-version.")

    def updated(newest: JsonObject) -> JsonObject:
        if version not in (None, _LATEST, newest["Version"]):
            raise BadRequest(
                f"version must be the newest, {newest['Version']}: earlier ones do not change."
            )
        if adds and _is_made_by(call, newest):
            return newest  # by an earlier attempt of the call
        highest = newest[_NUMBERS] + 1 if adds else newest[_NUMBERS]
        made_by = _made_by(call) if adds else {k: newest[k] for k in (_MADE_BY,) if k in newest}
        return {
            **{name: one for name, one in call.body.items() if name != "tags"},
            "Arn": newest["Arn"],
            "CreationDate": newest["CreationDate"],
            "LastModifiedDate": call.timestamp,
            "TemplateName": newest["TemplateName"],
            "TemplateType": kind,
            "Version": str(highest) if adds else newest["Version"],
            ACTIVE_VERSION: newest[ACTIVE_VERSION],
            _NUMBERS: highest,
            "tags": newest["tags"],
            **made_by,
        }

    _require(hub, kind, name)
    entity_id = template_id(name, kind)
    hub.entities.update(ACCOUNT, Kind.TEMPLATE, entity_id, updated)
    return accepted(call)


def _delete(kind: str, hub: Hub, call: Call) -> JsonObject:
    """Delete a template, or one of its versions.

    Raises:
        BadRequest: the version is the active one of several.
    """
    name = call.labels["template-name"]
    newest = _require(hub, kind, name)
    version = call.query.get("version")
    entity_id = template_id(name, kind)
    if version is not None:
        number = _resolved(newest, version)
        load_template(hub.entities, kind, name, number)
        numbers = hub.entities.version_numbers(ACCOUNT, Kind.TEMPLATE, entity_id)
        others = [one for one in numbers if str(one) != number]
        if others and number == newest[ACTIVE_VERSION]:
            raise BadRequest(
                f"Version {number} is the active one. Make another version active first "
                "(UpdateTemplateActiveVersion), or delete the whole template."
            )
        if others:
            _delete_version(hub, entity_id, int(number), max(others))
            return accepted(call)
    hub.entities.delete(ACCOUNT, Kind.TEMPLATE, entity_id)
    return accepted(call)


def _delete_version(hub: Hub, entity_id: str, number: int, newest_left: int) -> None:
    def without(newest: JsonObject) -> JsonObject:
        if newest["Version"] != str(number):
            return newest
        left = hub.entities.get_version(ACCOUNT, Kind.TEMPLATE, entity_id, newest_left)
        kept = {name: newest[name] for name in (ACTIVE_VERSION, _NUMBERS, "tags")}
        return {**(left or newest), **kept}

    hub.entities.update(ACCOUNT, Kind.TEMPLATE, entity_id, without)
    hub.entities.delete_version(ACCOUNT, Kind.TEMPLATE, entity_id, number)


def list_templates(hub: Hub, call: Call) -> JsonObject:
    """ListTemplates: rows with the number of the active version."""
    kind, prefix = call.query.get("template-type"), call.query.get("prefix") or ""
    page = hub.entities.list(
        ACCOUNT,
        Kind.TEMPLATE,
        call.page_size,
        call.token,
        prefix=None if kind is None else template_id(prefix, kind),
        only=Only(prefix, lambda template: template["TemplateName"].startswith(prefix)),
    )
    rows = [
        {
            "CreationDate": template["CreationDate"],
            "LastModifiedDate": template["LastModifiedDate"],
            "TemplateName": template["TemplateName"],
            "TemplateType": template["TemplateType"],
            "Version": template[ACTIVE_VERSION],
        }
        for template in page.items
    ]
    return {"Item": rows, "NextToken": page.token}


def list_template_versions(hub: Hub, call: Call) -> JsonObject:
    """ListTemplateVersions: oldest first."""
    kind, name = _type(call), call.labels["template-name"]
    _require(hub, kind, name)
    page = hub.entities.list_versions(
        ACCOUNT, Kind.TEMPLATE, template_id(name, kind), call.page_size, call.token
    )
    return {**accepted(call), "Item": page.items, "NextToken": page.token}


def update_template_active_version(hub: Hub, call: Call) -> JsonObject:
    """UpdateTemplateActiveVersion: to a number, or to the newest version."""
    kind, name = _type(call), call.labels["template-name"]
    newest = _require(hub, kind, name)
    version = _resolved(newest, call.body.get("Version") or _LATEST)
    load_template(hub.entities, kind, name, version)
    hub.entities.update(
        ACCOUNT,
        Kind.TEMPLATE,
        template_id(name, kind),
        lambda template: {**template, ACTIVE_VERSION: version},
    )
    return accepted(call)


def _check(hub: Hub, kind: str, call: Call) -> None:
    validate_template(kind, call.body)
    recommender = call.body.get("RecommenderId")
    if recommender and hub.entities.get(ACCOUNT, Kind.RECOMMENDER, recommender) is None:
        raise BadRequest(
            f"RecommenderId: there is no recommender configuration {recommender[:256]!r}. Make it "
            "with CreateRecommenderConfiguration, and give its Id."
        )


def _require(hub: Hub, kind: str, name: str) -> JsonObject:
    template = hub.entities.get(ACCOUNT, Kind.TEMPLATE, template_id(name, kind))
    if template is None:
        raise NotFound(f"There is no {kind} template {name!r}.")
    return template


def _resolved(newest: JsonObject, version: str | None) -> str:
    """Return the number of the version that a request means; without one, of the active version.

    Raises:
        BadRequest: another spelling, which could pass for a different version.
    """
    if version is None:
        return str(newest[ACTIVE_VERSION])
    if version == _LATEST:
        return str(newest["Version"])
    if not _VERSION.fullmatch(version):
        raise BadRequest("version must be a whole number from 1, or latest.")
    return version


def _type(call: Call) -> str:
    kind = call.labels["template-type"].upper()
    if kind not in TEMPLATE_TYPES:
        raise BadRequest(f"template-type must be one of {', '.join(TEMPLATE_TYPES)}.")
    return kind


def _flag(call: Call, name: str) -> bool:
    value = (call.query.get(name) or "false").lower()
    if value not in ("true", "false"):
        raise BadRequest(f"{name} must be true or false.")
    return value == "true"


def _made_by(call: Call) -> JsonObject:
    digest = call.digest(dict(call.labels))
    return {} if digest is None else {_MADE_BY: digest}


def _is_made_by(call: Call, version: JsonObject) -> bool:
    return _MADE_BY in version and version[_MADE_BY] == call.digest(dict(call.labels))


def _taken(kind: str, name: str) -> BadRequest:
    return BadRequest(
        f"There is already a {kind} template {name!r}. Update it, or choose another name."
    )


OPERATIONS: dict[str, Operation] = {
    "ListTemplates": list_templates,
    "ListTemplateVersions": list_template_versions,
    "UpdateTemplateActiveVersion": update_template_active_version,
}
for _kind in TEMPLATE_TYPES:
    for _verb, _function in (
        ("Create", _create),
        ("Get", _get),
        ("Update", _update),
        ("Delete", _delete),
    ):
        OPERATIONS[f"{_verb}{_WORDS[_kind]}Template"] = functools.partial(_function, _kind)
