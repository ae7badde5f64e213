"""The words of a template: text and tags, with their places, before they get a meaning.

`scan` reads Handlebars' syntax only: which helper, variable or partial a word names is decided in
`templates`.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

from shared.messages.errors import BadRequest

MAX_TAG_LENGTH = 2_000

_TAG_BODY = re.compile(r"""(?:"[^"]*"|'[^']*'|\[[^\]]*\]|(?!\}\})[^"'\[])*+""")
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>"[^"]*"|'[^']*')
      | (?P<number>-?\d+(?:\.\d+)?(?=[\s)]|$))
      | (?P<open>\() | (?P<close>\))
      | (?P<name>[A-Za-z_][\w-]*)=
      | (?P<path>(?:@|\.\./)*(?:\.\.|\.|\[[^\]]*\]|[^\s()\[\]"'=|./@]+)
              (?:[./](?:\[[^\]]*\]|[^\s()\[\]"'=|./]+))*)
    )""",
    re.VERBOSE,
)
_PATH_PART = re.compile(r"\[([^\]]*)\]|([^./\[\]]+)")
_BRACKETED = re.compile(r"\[[^\]]*\]")
_SIGIL = re.compile(r"#\*|[#^/>&]")
# Visual editors write `"` as `&quot;` or as a curly quote, also inside a tag. Both would read as
# part of a variable's name, and the variable would print nothing.
_EDITORS_QUOTE = re.compile(r"&(?:[A-Za-z]+|#\d+|#[xX][0-9A-Fa-f]+);|[\u2018\u2019\u201c\u201d]")


class TemplateError(BadRequest):
    """A template cannot be read; `line` and `column` (from 1) tell where."""

    def __init__(self, reason: str, text: str, position: int) -> None:
        self.reason = reason
        self.line = text.count("\n", 0, position) + 1
        self.column = position - (text.rfind("\n", 0, position) + 1) + 1
        super().__init__(f"Template, line {self.line}, column {self.column}: {reason}")


class Token(NamedTuple):
    """One word of a tag: its kind (a group of the token pattern), its text and its place."""

    kind: str
    word: str
    position: int


@dataclass(frozen=True, slots=True)
class Tag:
    """One `{{…}}`: its place in the text, its opening and its words."""

    position: int
    sigil: str  # "", "&" (not escaped), "#", "^", "/", ">", "#*"
    tokens: tuple[Token, ...]

    @property
    def is_else(self) -> bool:
        return (self.sigil == "^" and not self.tokens) or (
            self.sigil == "" and self.tokens[0].kind == "path" and self.tokens[0].word == "else"
        )


def path_parts(path: str) -> tuple[str, ...]:
    """Return the members a path names: `Attributes.[Last Name]` is `Attributes`, `Last Name`."""
    return tuple(match[1] or match[2] for match in _PATH_PART.finditer(path))


def scan(text: str) -> list[str | Tag]:
    """Return the template's literal texts and tags, in order; comments are left out.

    Raises:
        TemplateError: a tag is not closed, is too long, or holds something that is no word.
    """
    return _scan(text)[0]


def tag_spans(text: str) -> list[tuple[int, int]]:
    """Return the begin and the end of each tag and comment, in order.

    Raises:
        TemplateError: as `scan`.
    """
    return _scan(text)[1]


def _scan(text: str) -> tuple[list[str | Tag], list[tuple[int, int]]]:
    items: list[str | Tag] = []
    spans: list[tuple[int, int]] = []
    start, trim = 0, False

    def literal(piece: str) -> None:
        nonlocal trim
        piece = piece.lstrip() if trim else piece
        trim = trim and not piece
        if piece:
            items.append(piece)

    while (opened := text.find("{{", start)) >= 0:
        if opened > start and text[opened - 1] == "\\":
            literal(text[start : opened - 1] + "{{")
            start = opened + 2
            continue
        before = text[start:opened]
        triple = text.startswith("{{{", opened)
        if text.startswith("{{{{", opened):
            raise TemplateError("raw blocks ({{{{…}}}}) are not supported", text, opened)
        inner = opened + (3 if triple else 2)
        trim_left = text.startswith("~", inner)
        inner += trim_left
        literal(before.rstrip() if trim_left else before)
        comment = text.startswith("!", inner)
        if comment:
            long = text.startswith("!--", inner)
            closed = text.find("--", inner + 3) if long else text.find("}}", inner)
            if closed < 0:
                raise TemplateError("this comment is never closed", text, opened)
            end = closed + 2 if long else closed - (text[closed - 1] == "~")
        else:
            matched = _TAG_BODY.match(text, inner)
            end = matched.end() if matched else inner
            if end > inner and text[end - 1] == "~":
                end -= 1
        close = ("~" if text.startswith("~", end) else "") + ("}}}" if triple else "}}")
        if not text.startswith(close, end):
            raise TemplateError(f"this tag is not closed by {close.lstrip('~')}", text, opened)
        if not comment:
            items.append(_tag(text, opened, inner, end, triple))
        trim = close.startswith("~")
        start = end + len(close)
        spans.append((opened, start))
    literal(text[start:])
    return items, spans


def _tag(text: str, opened: int, start: int, end: int, triple: bool) -> Tag:
    def fail(reason: str, position: int) -> NoReturn:
        raise TemplateError(reason, text, position)

    sigil = "&" if triple else ""
    if not triple and not _EDITORS_QUOTE.match(text, start, end):
        match = _SIGIL.match(text, start)
        if match:
            sigil, start = match.group(), match.end()
    if end - start > MAX_TAG_LENGTH:
        fail(f"a tag has at most {MAX_TAG_LENGTH} characters", opened)
    tokens: list[Token] = []
    while start < end and text[start:end].strip():
        match = _TOKEN.match(text, start, end)
        if match is None or match.lastgroup is None:
            fail("this cannot be read as a variable, helper or value", start)
        kind = match.lastgroup
        token = Token(kind, match.group(kind), match.start(kind))
        if kind == "path" and _EDITORS_QUOTE.search(_BRACKETED.sub("", token.word)):
            fail(
                'a tag takes quotes and signs as they are: write " for &quot; or a curly quote, '
                "> for &gt;, and a name with such a character in brackets",
                token.position,
            )
        tokens.append(token)
        start = match.end()
    if not tokens and sigil != "^":
        fail("this tag is empty", opened)
    return Tag(opened, sigil, tuple(tokens))
