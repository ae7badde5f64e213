"""Attachments of SESv2's Simple and Template content: SES's refusals, and the form of the outbox.

"Working with email attachments in SES" and "Amazon SES unsupported attachment types" (SES Developer
Guide), "Attachment" and "MessageHeader" (API reference), "Service quotas in Amazon SES".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import Any

__all__ = ["contents", "refusal", "shown"]

Json = dict[str, Any]
MAX_MESSAGE_BYTES = 40 * 1024 * 1024  # after base64 encoding
MAX_HEADERS = 15
_UNSUPPORTED = """
    ade adp app asp bas bat cer chm cmd com cpl crt csh der exe fxp gadget hlp hta inf ins isp its
    js jse ksh lib lnk mad maf mag mam maq mar mas mat mau mav maw mda mdb mde mdt mdw mdz msc msh
    msh1 msh2 mshxml msh1xml msh2xml msi msp mst ops pcd pif plg prf prg reg scf scr sct shb shs sys
    ps1 ps1xml ps2 ps2xml psc1 psc2 tmp url vb vbe vbs vps vsmacros vss vst vsw vxd ws wsc wsf wsh
    xnk
"""
UNSUPPORTED = frozenset(_UNSUPPORTED.split())
_ENCODINGS = ("BASE64", "QUOTED_PRINTABLE", "SEVEN_BIT")
_LONGEST = {"FileName": 255, "ContentDescription": 1000, "ContentId": 78, "ContentType": 78}
_LONGEST_LINE = 998  # RFC 5322, of a part that is not encoded


def refusal(request: Json) -> str | None:
    """Why SES does not take the attachments, headers or size of a request."""
    part = _part(request)
    headers = part.get("Headers") or []
    if len(headers) > MAX_HEADERS:
        return f"The number of headers exceeds {MAX_HEADERS}."
    if any(len(each["Name"]) + len(each["Value"]) > 996 for each in headers):
        return "The combined length of a header name and value exceeds 996 characters."
    for attachment in part.get("Attachments") or []:
        if said := _of_attachment(attachment):
            return said
    if _message_bytes(part) > MAX_MESSAGE_BYTES:
        return f"Message length is more than {MAX_MESSAGE_BYTES} bytes long."
    return None


def _of_attachment(attachment: Json) -> str | None:
    name = attachment.get("FileName")
    if not name or not attachment.get("RawContent"):
        return "FileName and RawContent are required for attachments."
    for member, longest in _LONGEST.items():
        if len(attachment.get(member) or "") > longest:
            return f"{member} of an attachment exceeds {longest} characters."
    if name.rpartition(".")[2].lower() in UNSUPPORTED:
        return f"Illegal filename '{name}'."
    encoding = attachment.get("ContentTransferEncoding") or "SEVEN_BIT"
    if encoding not in _ENCODINGS:
        return f"ContentTransferEncoding must be one of {', '.join(_ENCODINGS)}."
    try:
        content = base64.b64decode(attachment["RawContent"], validate=True)
    except (binascii.Error, ValueError):
        return "RawContent of an attachment is not base64."
    if encoding == "SEVEN_BIT" and not _is_seven_bit(content):
        return "The content of an attachment does not fit ContentTransferEncoding SEVEN_BIT."
    return None


def _is_seven_bit(content: bytes) -> bool:
    lines = content.split(b"\n")
    return content.isascii() and b"\0" not in content and max(map(len, lines)) <= _LONGEST_LINE


def _message_bytes(part: Json) -> int:
    """The size of the parts as base64 in lines of 76 characters."""
    body = json.dumps(part.get("Body") or {}, ensure_ascii=False).encode()
    sizes = [len(body), *(len(content) for content in contents({"Content": {"Simple": part}}))]
    return sum(-(-size // 57) * 78 for size in sizes)


def contents(request: Json) -> tuple[bytes, ...]:
    """The files of a request."""
    attached = _part(request).get("Attachments") or []
    return tuple(base64.b64decode(each.get("RawContent") or "") for each in attached)


def shown(request: Json) -> list[Json]:
    """The attachments as the outbox has them; `content` is base64."""
    attached = _part(request).get("Attachments") or []
    return [
        {
            "name": each["FileName"],
            "type": each.get("ContentType"),
            "disposition": each.get("ContentDisposition") or "ATTACHMENT",
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "content": each["RawContent"],
        }
        for each, content in zip(attached, contents(request), strict=True)
    ]


def _part(request: Json) -> Json:
    content = request.get("Content") or {}
    part: Json = content.get("Simple") or content.get("Template") or {}
    return part
