"""Configuration of a campaign's or an activity's messages: `CustomMessage.Data`.

It is a JSON object, or the comma-separated form of AWS's reference architecture:
`FriendlySenderName|NA, EmailTemplateName, sender@address, NO|ONEPER|ONEALL, FilePrefix, URL|FILE`.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeVar

from email_attachments.files import (
    FileRefused,
    is_refused_by_ses,
    key_for_all,
    key_of_recipient,
    shown_name,
)
from shared.mailbox import Mailbox, MailboxRefused, read_address, read_mailbox
from shared.messages.errors import BadRequest
from shared.messages.templates import compile_template

__all__ = [
    "BadConfiguration",
    "Configuration",
    "Delivery",
    "Files",
    "Rules",
    "Unsubscribe",
    "checked",
    "members_of",
    "read_configuration",
    "read_rules",
]

_TEMPLATE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")  # Pinpoint API, template names
_VERSION = re.compile(r"[1-9][0-9]{0,8}")
_FILE_TYPE = re.compile(r"(?:\.[A-Za-z0-9]{1,10}){1,2}")
_HTTPS = re.compile(r"https://[^\s<>]+")
_MAILTO = re.compile(r"mailto:[^\s<>]+")
_LONGEST_NAME = 200
_LONGEST_UNSUBSCRIBE = 450  # of two; SES API v2 reference, "MessageHeader": 995 characters in all
_MOST_REPLY_TO = 5


class BadConfiguration(ValueError):
    """The configuration cannot be used; the text names the member, the rule and the way out."""


class Files(StrEnum):
    """Which file a message has."""

    NONE = "NONE"
    ONE_FOR_ALL = "ONE_FOR_ALL"
    ONE_PER_RECIPIENT = "ONE_PER_RECIPIENT"


class Delivery(StrEnum):
    """How a recipient gets the file."""

    ATTACHMENT = "ATTACHMENT"
    LINK = "LINK"


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Ways to unsubscribe for the headers List-Unsubscribe and List-Unsubscribe-Post.

    `url` and `mailto` may hold variables of the recipient, which are percent-encoded. `one_click`
    promises that the URL takes the POST of RFC 8058.
    """

    url: str | None = None
    mailto: str | None = None
    one_click: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """Settings of the module that configurations are read with.

    `senders` are the mailboxes that may send, by address; the first one is the default. `folder` is
    the key prefix of all files, empty or with a slash at its end.
    """

    senders: Mapping[str, Mailbox]
    folder: str = ""
    file_type: str = ".pdf"
    link_seconds: int = 3_600
    unsubscribe: Unsubscribe | None = None


@dataclass(frozen=True, slots=True)
class Configuration:
    """A checked configuration. `template_version` None is the active version."""

    template_name: str
    sender: Mailbox
    template_version: str | None = None
    files: Files = Files.NONE
    delivery: Delivery = Delivery.ATTACHMENT
    folder: str = ""
    file_prefix: str = ""
    file_type: str = ""
    file_name: str = ""
    link_seconds: int = 3_600
    reply_to: tuple[str, ...] = ()
    unsubscribe: Unsubscribe | None = None

    @property
    def attaches(self) -> bool:
        return self.files is not Files.NONE and self.delivery is Delivery.ATTACHMENT

    @property
    def links(self) -> bool:
        return self.files is not Files.NONE and self.delivery is Delivery.LINK

    def key(self, endpoint_id: str) -> str:
        """Return the key of the recipient's file.

        Raises:
            FileRefused: the endpoint id makes no key of its own.
        """
        if self.files is Files.ONE_FOR_ALL:
            return key_for_all(self.folder, self.file_prefix, self.file_type)
        return key_of_recipient(self.folder, self.file_prefix, endpoint_id, self.file_type)


def read_rules(environ: Mapping[str, str]) -> Rules:
    """Read the module's settings: SENDERS (a JSON list), FILES and UNSUBSCRIBE (JSON)."""
    senders = [read_mailbox(text) for text in json.loads(environ["SENDERS"])]
    files = json.loads(environ["FILES"])
    unsubscribe = environ.get("UNSUBSCRIBE")
    return Rules(
        senders={sender.key: sender for sender in senders},
        folder=files["prefix"],
        file_type=files["type"],
        link_seconds=files["link_seconds"],
        unsubscribe=Unsubscribe(**json.loads(unsubscribe)) if unsubscribe else None,
    )


def read_configuration(data: str | None, rules: Rules) -> Configuration:
    """Read the configuration of a call.

    Raises:
        BadConfiguration: it cannot be used; the text never holds its values.
    """
    return checked(members_of(data), rules)


def members_of(data: str | None) -> dict[str, Any]:
    """Read the members of a configuration in either form; their values are not checked.

    Raises:
        BadConfiguration: the text has neither form, or a member that is not known.
    """
    if data is None or not data.strip():
        raise BadConfiguration(
            "CustomMessage.Data is missing: give the configuration as a JSON object, for example "
            '{"TemplateName": "statement"}.'
        )
    members = _json_object(data) if data.lstrip().startswith("{") else _positional(data)
    try:
        json.dumps(members, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise BadConfiguration(
            "CustomMessage.Data has half of a surrogate pair, which is no text: remove it."
        ) from error
    return members


def _json_object(data: str) -> dict[str, Any]:
    try:
        members = json.loads(data, object_pairs_hook=_without_twins)
    except (ValueError, RecursionError) as error:
        if isinstance(error, BadConfiguration):
            raise
        raise BadConfiguration(
            "CustomMessage.Data begins with { and is no JSON: correct the JSON object."
        ) from error
    for name in members:
        if name not in _MEMBERS:
            raise BadConfiguration(
                f"{name[:40]} is no member of the configuration. The members are "
                f"{', '.join(_MEMBERS)}."
            )
    return dict(members)


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise BadConfiguration(f"{name[:40]} is given twice. Leave one of the two out.")
    return dict(pairs)


_POSITIONS = (
    "FriendlySenderName",
    "EmailTemplateName",
    "sender@address",
    "NO|ONEPER|ONEALL",
    "FilePrefix",
    "URL|FILE",
)
_FORM = ", ".join(_POSITIONS)
_MODES = {"NO": Files.NONE, "ONEPER": Files.ONE_PER_RECIPIENT, "ONEALL": Files.ONE_FOR_ALL}
_DELIVERIES = {"URL": Delivery.LINK, "FILE": Delivery.ATTACHMENT}


def _positional(data: str) -> dict[str, Any]:
    if "\n" in data.strip() or "\r" in data.strip():
        raise BadConfiguration(
            f"CustomMessage.Data must be one line of the form `{_FORM}`, or a JSON object."
        )
    try:
        [fields] = csv.reader([data.strip()], skipinitialspace=True, strict=True)
    except csv.Error as error:
        raise BadConfiguration(
            f"CustomMessage.Data has a quotation mark without its twin. The form is `{_FORM}`; a "
            "field with a comma is in quotation marks."
        ) from error
    fields = [field.strip() for field in fields]
    if len(fields) > len(_POSITIONS):
        raise BadConfiguration(
            f"CustomMessage.Data has {len(fields)} fields, and `{_FORM}` are six. Put a name that "
            'has a comma in quotation marks, as in "Example, Inc.", or use a JSON object.'
        )
    mode = fields[3] if len(fields) > 3 else ""
    if mode not in _MODES:
        raise BadConfiguration(
            f"The fourth field of CustomMessage.Data must be NO, ONEPER or ONEALL: `{_FORM}`."
        )
    members: dict[str, Any] = {
        "TemplateName": fields[1],
        "FromAddress": fields[2],
        "Files": _MODES[mode].value,
    }
    if fields[0] not in ("", "NA"):
        members["FromName"] = fields[0]
    if mode == "NO":
        return members
    if len(fields) < len(_POSITIONS) or fields[5] not in _DELIVERIES:
        raise BadConfiguration(
            f"With {mode}, the fifth field must be the prefix of the files and the sixth URL or "
            f"FILE: `{_FORM}`."
        )
    return {**members, "FilePrefix": fields[4], "Delivery": _DELIVERIES[fields[5]].value}


def checked(members: Mapping[str, Any], rules: Rules) -> Configuration:
    """Check the values of a configuration.

    Raises:
        BadConfiguration: a value breaks a rule.
    """
    files = _word(members, "Files", Files, Files.NONE)
    configuration = Configuration(
        template_name=_template_name(members),
        template_version=_template_version(members),
        sender=_sender(members, rules),
        files=files,
        reply_to=_reply_to(members),
        unsubscribe=_unsubscribe(members, rules.unsubscribe),
    )
    if files is not Files.NONE:
        return _with_files(configuration, members, rules)
    for name in ("Delivery", "FilePrefix", "FileType", "FileName", "LinkSeconds"):
        if name in members:
            raise BadConfiguration(
                f"{name} has no effect without files. Leave it out, or set Files to ONE_FOR_ALL or "
                "ONE_PER_RECIPIENT."
            )
    return configuration


def _with_files(
    configuration: Configuration, members: Mapping[str, Any], rules: Rules
) -> Configuration:
    delivery = _word(members, "Delivery", Delivery, Delivery.ATTACHMENT)
    prefix = _text(members, "FilePrefix")
    if not prefix:
        raise BadConfiguration(
            "FilePrefix is missing: the files are <FilePrefix>_<endpoint id><FileType>, or "
            "<FilePrefix><FileType> for all recipients. Give FilePrefix, for example "
            '"2026-10/statement".'
        )
    file_type = _text(members, "FileType") or rules.file_type
    if not _FILE_TYPE.fullmatch(file_type):
        raise BadConfiguration(
            "FileType must be an extension with its dot, such as .pdf or .tar.gz."
        )
    try:
        # The rules for the prefix do not depend on the endpoint id.
        key_for_all(rules.folder, prefix, file_type)
        key_of_recipient(rules.folder, prefix, "1", file_type)
    except FileRefused as error:
        raise BadConfiguration(f"FilePrefix cannot be used. {error}") from error
    given = _text(members, "FileName")
    if given is not None and not given.lower().endswith(file_type.lower()):
        raise BadConfiguration(
            f"FileName must end with the file's type, {file_type}: mail programs open a file by "
            "its extension."
        )
    name = shown_name(prefix, file_type, given)
    if delivery is Delivery.ATTACHMENT and is_refused_by_ses(name):
        raise BadConfiguration(
            f"SES refuses attachments of type {file_type}. Put the file in a .zip archive, or set "
            "Delivery to LINK."
        )
    seconds = members.get("LinkSeconds", rules.link_seconds)
    if "LinkSeconds" in members and delivery is not Delivery.LINK:
        raise BadConfiguration("LinkSeconds has no effect without Delivery LINK. Leave it out.")
    if not isinstance(seconds, int) or isinstance(seconds, bool):
        raise BadConfiguration("LinkSeconds must be a whole number of seconds.")
    if not 60 <= seconds <= rules.link_seconds:
        raise BadConfiguration(
            f"LinkSeconds must be 60-{rules.link_seconds}: the module's files.link_seconds is the "
            "longest life of a link."
        )
    return replace(
        configuration,
        delivery=delivery,
        folder=rules.folder,
        file_prefix=prefix,
        file_type=file_type,
        file_name=name,
        link_seconds=seconds,
    )


def _template_name(members: Mapping[str, Any]) -> str:
    name = _text(members, "TemplateName")
    if not name or not _TEMPLATE_NAME.fullmatch(name):
        raise BadConfiguration(
            "TemplateName must be the name of an email template of the project: 1-128 letters, "
            "digits, hyphens or underscores, with a letter or digit at its beginning."
        )
    return name


def _template_version(members: Mapping[str, Any]) -> str | None:
    version = _text(members, "TemplateVersion")
    if version is not None and not _VERSION.fullmatch(version):
        raise BadConfiguration(
            'TemplateVersion must be the number of a version as a string, such as "2". Leave it '
            "out for the active version."
        )
    return version


def _sender(members: Mapping[str, Any], rules: Rules) -> Mailbox:
    default = next(iter(rules.senders.values()))
    address, name = _text(members, "FromAddress"), _text(members, "FromName")
    sender = default
    if address is not None:
        try:
            given = read_address(address)
        except MailboxRefused as error:
            raise BadConfiguration(f"FromAddress cannot be used: {error}") from error
        found = rules.senders.get(given.lower())
        if found is None:
            raise BadConfiguration(
                "FromAddress must be an address of the module's email input: it may send from "
                f"{len(rules.senders)} addresses. Add the address and its identity to "
                "email.other_senders."
            )
        sender = Mailbox(given, found.name)
    if name is None:
        return sender
    try:
        if len(name) > _LONGEST_NAME:
            raise BadConfiguration(f"FromName must have at most {_LONGEST_NAME} characters.")
        return Mailbox(sender.address, _checked_name(name))
    except MailboxRefused as error:
        raise BadConfiguration(f"FromName cannot be used: {error}") from error


def _checked_name(name: str) -> str:
    """Read a name by the rules of mailboxes: no line break, no angle bracket."""
    quoted = '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
    return read_mailbox(f"{quoted} <name@example.com>").name


def _reply_to(members: Mapping[str, Any]) -> tuple[str, ...]:
    given = members.get("ReplyToAddresses", [])
    if not isinstance(given, list) or len(given) > _MOST_REPLY_TO:
        raise BadConfiguration(
            f"ReplyToAddresses must be a list of at most {_MOST_REPLY_TO} addresses."
        )
    try:
        return tuple(read_mailbox(_string(one, "ReplyToAddresses")).header for one in given)
    except MailboxRefused as error:
        raise BadConfiguration(f"An entry of ReplyToAddresses cannot be used: {error}") from error


def _unsubscribe(members: Mapping[str, Any], default: Unsubscribe | None) -> Unsubscribe | None:
    given = members.get("Unsubscribe")
    if given is None:
        return default
    if not isinstance(given, dict) or not given or not given.keys() <= set(_UNSUBSCRIBE_MEMBERS):
        raise BadConfiguration(
            f"Unsubscribe must be an object with the members {', '.join(_UNSUBSCRIBE_MEMBERS)}."
        )
    url = _link(given, "Url", _HTTPS, "an https:// URL")
    mailto = _link(given, "Mailto", _MAILTO, "a mailto: address")
    one_click = given.get("OneClick", False)
    if not isinstance(one_click, bool):
        raise BadConfiguration("Unsubscribe.OneClick must be true or false.")
    if one_click and url is None:
        raise BadConfiguration(
            "Unsubscribe.OneClick needs Url: mail programs post to an https:// URL (RFC 8058)."
        )
    if url is None and mailto is None:
        raise BadConfiguration("Unsubscribe must have Url, Mailto or both.")
    return Unsubscribe(url, mailto, one_click)


def _link(given: Mapping[str, Any], name: str, form: re.Pattern[str], rule: str) -> str | None:
    text = _text(given, name, f"Unsubscribe.{name}")
    if text is None:
        return None
    # Spaces are allowed in a variable only: its rendered value is percent-encoded.
    if len(text) > _LONGEST_UNSUBSCRIBE or not form.fullmatch(re.sub(r"\{\{.*?\}\}", "x", text)):
        raise BadConfiguration(
            f"Unsubscribe.{name} must be {rule} of at most {_LONGEST_UNSUBSCRIBE} characters "
            "without spaces. It may hold variables, as in {{Id}}."
        )
    try:
        compile_template(text)
    except BadRequest as error:
        raise BadConfiguration(f"Unsubscribe.{name}: {error.message}") from error
    return text


_Word = TypeVar("_Word", Files, Delivery)


def _word(members: Mapping[str, Any], name: str, kind: type[_Word], default: _Word) -> _Word:
    given = members.get(name, default)
    try:
        return kind(given)
    except ValueError as error:
        words = ", ".join(word.value for word in kind)
        raise BadConfiguration(f"{name} must be one of {words}.") from error


def _text(members: Mapping[str, Any], name: str, shown: str | None = None) -> str | None:
    value = members.get(name)
    return None if value is None else _string(value, shown or name).strip()


def _string(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise BadConfiguration(f"{name} must be a string.")
    return value


_MEMBERS: Mapping[str, Callable[..., Any] | None] = dict.fromkeys(
    (
        "TemplateName",
        "TemplateVersion",
        "FromName",
        "FromAddress",
        "ReplyToAddresses",
        "Files",
        "Delivery",
        "FilePrefix",
        "FileType",
        "FileName",
        "LinkSeconds",
        "Unsubscribe",
    )
)
_UNSUBSCRIBE_MEMBERS = ("Url", "Mailto", "OneClick")
