"""The lines of an import file, whatever was uploaded under that name.

The file is read in blocks and never held whole. A file that is no text is refused at once with the
reason and the way out; a single line that cannot be read is handed on as a `BadLine`, so that
the lines round it are not lost.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import BinaryIO

from engagement_hub.engagement.errors import BadRequest

BLOCK_BYTES = 256 * 1024
# zlib drops what it unpacked in the step that fails, so steps of damaged files had better be small.
UNPACKED_STEP_BYTES = 32 * 1024
# An endpoint has at most 15 KB; JSON may spell each of its bytes as six (\u00e9).
LINE_CHARACTERS = 128 * 1024
# Pinpoint's quota for an import. A compressed file counts without its compression.
FILE_BYTES = 1024**3
GZIP_MAGIC = b"\x1f\x8b"
UTF8_MARK = b"\xef\xbb\xbf"
WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")  # UTF-16, and UTF-32 of both orders
SAVE_AS = 'Save it as "CSV UTF-8", or as JSON lines in UTF-8, and upload it again.'
SIGNATURES = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"BZh": "a bzip2 archive",
    GZIP_MAGIC: "gzip inside gzip",  # a single one is unpacked before anyone looks here
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
    b"PAR1": "a Parquet file",
}


class ImportFileError(BadRequest):
    """The whole file is refused; no row of it was read."""


class UnreadableFile(ImportFileError):
    """Not text in UTF-8, or not in the format it was announced in."""


class FileTooLarge(ImportFileError):
    """More than FILE_BYTES, found out while the rows are read."""

    def __init__(self) -> None:
        super().__init__(
            "The file holds more than 1 GB, counted without compression; none of its rows is "
            "imported. Split it into several files under one prefix, and import the prefix."
        )


class EmptyFile(ImportFileError):
    """No bytes, or nothing but white space."""


class RejectionCode(StrEnum):
    """Why a row was rejected."""

    INVALID_VALUE = "InvalidValue"
    MALFORMED_ROW = "MalformedRow"
    NOT_UTF8 = "NotUtf8"
    TRUNCATED_FILE = "TruncatedFile"
    DAMAGED_FILE = "DamagedFile"


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is there and cannot be read."""

    reason: str
    code: RejectionCode


Line = str | BadLine

NOT_UTF8 = BadLine(
    "The row is not UTF-8; it looks like Latin-1 or Windows-1252. Save the file as UTF-8.",
    RejectionCode.NOT_UTF8,
)
TOO_LONG = BadLine(
    f"The row has more than {LINE_CHARACTERS} characters. Check that rows end in line breaks.",
    RejectionCode.MALFORMED_ROW,
)
TRUNCATED = BadLine(
    "The compressed file ends in the middle; the rows before this one are complete. "
    "Upload it whole and import it again.",
    RejectionCode.TRUNCATED_FILE,
)
DAMAGED = BadLine(
    "The compressed file is damaged here; the rows before this one are complete. "
    "Compress it anew and import it again.",
    RejectionCode.DAMAGED_FILE,
)


def read_lines(source: BinaryIO, *, name: str, most_bytes: float | None = None) -> Iterator[Line]:
    """Yield the lines of a file without their ends; a byte order mark is dropped.

    Gzip is recognised by its first bytes. A file cut short, or damaged, ends in a `BadLine`; the
    piece of a row before the cut is not handed out, since its last value may be incomplete.

    Args:
        most_bytes: of the file without compression, by default FILE_BYTES; `inf` for a file that no
            import reads.

    Raises:
        EmptyFile: nothing is in it.
        UnreadableFile: the beginning shows that it is not UTF-8 text.
        FileTooLarge: after lines were yielded.
    """
    stored = _blocks(source)
    head = next(stored, b"")
    if not head:
        raise EmptyFile("The file is empty. Write the rows to it and import it again.")
    stored = chain([head], stored)
    blocks: Iterator[bytes | BadLine] = stored
    if head.startswith(GZIP_MAGIC) or (name.endswith(".gz") and GZIP_MAGIC.startswith(head)):
        blocks = _inflated(stored)
        unpacked = next(blocks, b"")
        if isinstance(unpacked, BadLine):
            yield unpacked
            return
        head = unpacked
        blocks = chain([head], blocks)
    _check_is_text(head)

    nothing_yet = True
    for lines in _split(_bounded(blocks, FILE_BYTES if most_bytes is None else most_bytes)):
        if nothing_yet and any(not isinstance(line, str) or line.strip() for line in lines):
            nothing_yet = False
        yield from lines
    if nothing_yet:
        raise EmptyFile(
            "The file holds nothing but white space. Write the rows to it and import it again."
        )


def _blocks(source: BinaryIO) -> Iterator[bytes]:
    """Yield blocks of the requested size, also from streams that return less at a time."""
    parts: list[bytes] = []
    size = 0
    while part := source.read(BLOCK_BYTES):
        parts.append(part)
        size += len(part)
        if size >= BLOCK_BYTES:
            yield b"".join(parts)
            parts, size = [], 0
    if parts:
        yield b"".join(parts)


def _inflated(blocks: Iterator[bytes]) -> Iterator[bytes | BadLine]:
    """Unpack gzip, of one or more members, a bounded block at a time.

    gzip.GzipFile loses what it has unpacked when the end is missing, so zlib is used directly.
    """
    member = _gzip_member()
    for packed in blocks:
        while packed:
            if member.eof:
                if not packed.strip(b"\0"):  # tape-style padding after the last member
                    break
                member = _gzip_member()
            try:
                unpacked = member.decompress(packed, UNPACKED_STEP_BYTES)
            except zlib.error:
                yield DAMAGED
                return
            if unpacked:
                yield unpacked
            packed = member.unused_data if member.eof else member.unconsumed_tail
    while not member.eof and (unpacked := member.decompress(b"", UNPACKED_STEP_BYTES)):
        yield unpacked
    if not member.eof:
        yield TRUNCATED


def _bounded(blocks: Iterator[bytes | BadLine], most_bytes: float) -> Iterator[bytes | BadLine]:
    """Pass the blocks on; raise FileTooLarge behind `most_bytes`."""
    left = most_bytes
    for block in blocks:
        if not isinstance(block, BadLine):
            left -= len(block)
            if left < 0:
                raise FileTooLarge
        yield block


def _gzip_member() -> "zlib._Decompress":
    return zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)


def _check_is_text(head: bytes) -> None:
    """Raise UnreadableFile for clear cases; doubtful files are judged row by row."""
    for signature, kind in SIGNATURES.items():
        if head.startswith(signature):
            raise UnreadableFile(f"The file is {kind}, not CSV or JSON lines. {SAVE_AS}")
    if head.startswith(WIDE_MARKS):
        raise UnreadableFile(f"The file is in UTF-16 or UTF-32. {SAVE_AS}")
    start = head[:4096]
    if start.count(0) * 10 >= len(start) > 0:
        raise UnreadableFile(
            f"The file is full of NUL bytes: UTF-16 without its mark, or no text. {SAVE_AS}"
        )

    lines = head.split(b"\n")
    last = lines.pop()  # the block may end inside a character, or be the whole file
    if not lines:
        if b"\r" in last.strip():
            raise UnreadableFile(f"The lines end in carriage returns alone. {SAVE_AS}")
        return
    beyond_ascii = [line for line in lines if not line.isascii()]
    unreadable = [line for line in beyond_ascii if not _is_utf8(line)]
    # One bad row among good ones costs that row only. Where nothing beyond ASCII is UTF-8, and it
    # is more than a slip, the whole file was saved in another encoding.
    several = len(unreadable) >= 2 and len(unreadable) * 100 >= len(lines)
    whole = len(unreadable) == len(beyond_ascii) and (several or len(lines) <= 2)
    if unreadable and (whole or not _is_utf8(lines[0])):
        raise UnreadableFile(
            f"The file is not UTF-8; it looks like Latin-1 or Windows-1252. {SAVE_AS}"
        )


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _split(blocks: Iterator[bytes | BadLine]) -> Iterator[list[Line]]:
    """Cut blocks into lines, a list per block: cheaper than yielding them one by one."""
    rest = b""
    first = True
    skipping = False  # inside a line too long to keep
    for block in blocks:
        if isinstance(block, BadLine):
            yield [block]
            return
        if first:
            block = block.removeprefix(UTF8_MARK)
            first = False
        if skipping:
            _, newline, block = block.partition(b"\n")
            if not newline:
                continue
            skipping = False
        block = rest + block
        end = block.rfind(b"\n") + 1
        rest = block[end:]
        if end:
            yield _decoded(block[:end])
        if len(rest) > 4 * LINE_CHARACTERS:
            yield [TOO_LONG]
            rest, skipping = b"", True
    if rest:
        yield _decoded(rest + b"\n")


def _decoded(ended: bytes) -> list[Line]:
    """Decode whole lines, each with its end; only where that fails, line by line."""
    lines: list[Line]
    try:
        # Not splitlines(): it also breaks at U+2028 and others, which are part of a value.
        lines = [*ended.decode().replace("\r\n", "\n").split("\n")]
        lines.pop()
    except UnicodeDecodeError:
        lines = [
            line.decode().removesuffix("\r") if _is_utf8(line) else NOT_UTF8
            for line in ended.split(b"\n")[:-1]
        ]
    return lines
