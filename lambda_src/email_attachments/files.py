"""Keys, names, types and sizes of the files: which object belongs to which recipient.

One file for all has the key `<prefix><type>`, a file per recipient `<prefix>_<endpoint id><type>`.
Within one configuration two recipients never share a key. Two configurations can: the prefix `bill`
with the endpoint `2_1` and the prefix `bill_2` with the endpoint `1` both name `bill_2_1.pdf`. So
an object can say whose it is, in its metadata `endpoint-id`, and then no other recipient gets it.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Mapping
from enum import StrEnum
from urllib.parse import quote

__all__ = [
    "LARGEST_FILE_BYTES",
    "OWNER_METADATA",
    "FileProblem",
    "FileRefused",
    "content_type",
    "encoded_bytes",
    "key_for_all",
    "key_of_recipient",
    "is_refused_by_ses",
    "owner_text",
    "refuse_file_of_another",
    "shown_name",
]

OWNER_METADATA = "endpoint-id"
LONGEST_KEY_BYTES = 1_024  # S3 User Guide, "Naming Amazon S3 objects"
LONGEST_SHOWN_NAME = 255  # SES API v2 reference, "Attachment" (FileName)
LONGEST_CONTENT_TYPE = 78  # SES API v2 reference, "Attachment" (ContentType)

# SES Developer Guide, "Service quotas in Amazon SES": 40 MB per message after base64 encoding.
LARGEST_MESSAGE_BYTES = 40 * 1024 * 1024
# Left for headers and for the boundaries of the parts.
_HEADER_BYTES = 32 * 1024
# Base64 in lines of 76 characters and a line break, as MIME has it.
_LINE_BYTES, _LINE_CHARACTERS = 57, 78
LARGEST_FILE_BYTES = 28 * 1024 * 1024
"""Largest file that fits into a message with a body of a megabyte."""

# SES Developer Guide, "Amazon SES unsupported attachment types".
_UNSUPPORTED = """
    ade adp app asp bas bat cer chm cmd com cpl crt csh der exe fxp gadget hlp hta
    inf ins isp its js jse ksh lib lnk mad maf mag mam maq mar mas mat mau mav maw
    mda mdb mde mdt mdw mdz msc msh msh1 msh2 mshxml msh1xml msh2xml msi msp mst
    ops pcd pif plg prf prg reg scf scr sct shb shs sys ps1 ps1xml ps2 ps2xml psc1
    psc2 tmp url vb vbe vbs vps vsmacros vss vst vsw vxd ws wsc wsf wsh xnk
    
"""
_REFUSED_BY_SES = frozenset(_UNSUPPORTED.split())
# Only Python's own table: the files of a machine would make the same file another type elsewhere.
_TYPES = mimetypes.MimeTypes(filenames=())
# Characters that a file system or a mail program refuses in a name, or takes for a path.
_UNSAFE_IN_NAME = re.compile(r'[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069/\\:*?"<>|]+')
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class FileProblem(StrEnum):
    """Reason why a recipient gets no message because of the file."""

    KEY_REFUSED = "KEY_REFUSED"
    FILE_MISSING = "FILE_MISSING"
    FILE_EMPTY = "FILE_EMPTY"
    FILE_TOO_LARGE = "FILE_TOO_LARGE"
    FILE_OF_ANOTHER = "FILE_OF_ANOTHER"
    FILE_UNREADABLE = "FILE_UNREADABLE"


class FileRefused(Exception):
    """The recipient's file cannot be sent. The text never has the key: it may be an address."""

    def __init__(self, problem: FileProblem, message: str) -> None:
        super().__init__(message)
        self.problem = problem


def key_for_all(folder: str, prefix: str, file_type: str) -> str:
    """Return the key of the file that all recipients get.

    Raises:
        FileRefused: S3, or a browser on the way to it, would take another key.
    """
    return _checked(f"{folder}{prefix}{file_type}")


def key_of_recipient(folder: str, prefix: str, endpoint_id: str, file_type: str) -> str:
    """Return the key of one recipient's file.

    Raises:
        FileRefused: the endpoint id makes no key of its own.
    """
    return _checked(f"{folder}{prefix}_{endpoint_id}{file_type}")


def _checked(key: str) -> str:
    """Refuse a key that is not surely this object's.

    Browsers and HTTP clients resolve the segments `.` and `..` of a path, which is another key.
    """
    try:
        size = len(key.encode())
    except UnicodeEncodeError as error:
        raise FileRefused(
            FileProblem.KEY_REFUSED, "The endpoint id has half of a surrogate pair: no key of S3."
        ) from error
    if size > LONGEST_KEY_BYTES:
        raise FileRefused(
            FileProblem.KEY_REFUSED,
            f"The key has {size} bytes; S3 takes {LONGEST_KEY_BYTES}. Shorten FilePrefix.",
        )
    if _CONTROL.search(key):
        raise FileRefused(FileProblem.KEY_REFUSED, "The key has control characters.")
    if any(segment in (".", "..") for segment in key.split("/")):
        raise FileRefused(
            FileProblem.KEY_REFUSED,
            "The key has a segment . or .., which clients resolve to another key.",
        )
    return key


def shown_name(prefix: str, file_type: str, given: str | None) -> str:
    """Return the name of the file that the recipient sees: never a path, and never an id."""
    name = given if given is not None else f"{prefix.rpartition('/')[2]}{file_type}"
    name = _UNSAFE_IN_NAME.sub("_", name).strip(" ")
    if name.lower() == file_type.lower() or not name:
        name = f"attachment{file_type}"
    return name[-LONGEST_SHOWN_NAME:]


def content_type(name: str) -> str:
    """Return the media type by the extension of the name."""
    kind, encoding = _TYPES.guess_type(name)
    return kind if kind and not encoding and len(kind) <= LONGEST_CONTENT_TYPE else _ANY


_ANY = "application/octet-stream"


def is_refused_by_ses(name: str) -> bool:
    """Check whether SES refuses attachments with the extension of the name."""
    return name.rpartition(".")[2].lower() in _REFUSED_BY_SES


def encoded_bytes(file_bytes: int, *texts: str | None) -> int:
    """Return the size of a message: the file as base64, and the bodies as base64 at worst."""
    parts = [file_bytes, *(len(text.encode()) for text in texts if text)]
    return _HEADER_BYTES + sum(_as_base64(size) for size in parts)


def _as_base64(size: int) -> int:
    return -(-size // _LINE_BYTES) * _LINE_CHARACTERS


def refuse_file_of_another(metadata: Mapping[str, str], endpoint_id: str | None) -> None:
    """Check the owner that an object's metadata names; an object without one has no owner.

    Args:
        metadata: the object's, as S3 answers it.
        endpoint_id: the recipient; None for a file that all recipients get.

    Raises:
        FileRefused: the file is another recipient's, or belongs to one and would go to all.
    """
    owner = metadata.get(OWNER_METADATA)
    if owner is None:
        return
    if endpoint_id is None:
        raise FileRefused(
            FileProblem.FILE_OF_ANOTHER,
            f"The file for all belongs to one recipient, by its metadata {OWNER_METADATA}.",
        )
    if owner != owner_text(endpoint_id):
        raise FileRefused(
            FileProblem.FILE_OF_ANOTHER,
            f"The file belongs to another recipient, by its metadata {OWNER_METADATA}.",
        )


def owner_text(endpoint_id: str) -> str:
    """Return an endpoint id as the metadata has it: percent-encoded, because metadata is ASCII."""
    return quote(endpoint_id, safe="")
