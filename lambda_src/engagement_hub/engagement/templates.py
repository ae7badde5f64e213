"""Message templates: Pinpoint's Handlebars dialect, compiled to closures.

    compile_template("Hi {{User.UserAttributes.FirstName}}").render(endpoint, {"…": "there"})

Why our own: pybars3 saw its last release in 2019, the other Python ports are young or bind native
code, and no port has the features that Pinpoint needs: defaults for missing values, Java's helpers,
errors that name the place. Pinpoint leaves these questions open, and this is our decision:

- A bare list prints its values joined by ", "; nothing is dropped in silence, and for the usual
  list of one it is that value. `.[0]` picks one.
- A value is looked up in the substitutions, then in the variables, then in the defaults. Empty
  text, an empty list and an absent member all count as missing: an empty CSV cell means "unknown".
- Substitutions and defaults may be keyed by the variable's dotted name or nested.
- White space is kept as written; `{{~` and `~}}` trim it, tags alone on a line do not.
- `#each` stops after fifteen values. A member not found in its `this` is looked up outside.
- Values are read from mappings and lists only: a template never reaches a Python attribute.

Source: Pinpoint user guide, "Using message template helpers" and "Adding personalized content to
message templates".
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NoReturn

from engagement_hub.engagement.errors import BadRequest
from engagement_hub.engagement.template_helpers import (
    HELPERS,
    Clock,
    DateProblem,
    Helper,
    HelperProblem,
    is_missing,
    text_of,
    truthy,
)

EACH_LIMIT = 15
# Bounds that keep a template from exhausting the stack, the memory or the time of a function.
MAX_DEPTH = 20  # blocks and parentheses inside each other
MAX_EACH_DEPTH = 3  # 15 × 15 × 15 values
MAX_PARTIAL_DEPTH = 5  # inline partials inside each other
MAX_TAG_LENGTH = 2_000
# Names of the helpers in other template languages.
_SYNONYMS = {
    "uppercase": "upper",
    "toupper": "upper",
    "lowercase": "lower",
    "tolower": "lower",
    "capitalise": "capitalize",
    "titlecase": "capitalize",
    "truncate": "abbreviate",
    "substr": "substring",
    "slice": "substring",
    "date": "dateFormat",
    "formatdate": "dateFormat",
    "plural": "inflect",
    "pluralize": "inflect",
    "equals": "eq",
    "ne": "neq",
    "plus": "add",
    "minus": "subtract",
    "times": "multiply",
    "mod": "modulo",
    "ceil": "ceiling",
    "foreach": "each",
    "for": "each",
}
MAX_REPEATED_CHARACTERS = 5_000_000  # written by #each and partials in one render

SMS_BODY_LIMIT = 1_600
EMAIL_PART_LIMIT = 600_000
VOICE_BODY_LIMIT = 10_000
HEADER_LIMIT = 15
HEADER_NAME_LIMIT = 126
HEADER_VALUE_LIMIT = 870
TEMPLATE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
HEADER_NAME = re.compile(r"[!-9;-~]+")  # RFC 5322: printable ASCII without the colon

_HTML = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        '"': "&quot;",
        "'": "&#x27;",
        "`": "&#x60;",
        "=": "&#x3D;",
    }
)
_HTML_SPECIAL = re.compile(r"[&<>\"'`=]")
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
_LITERALS: dict[str, Any] = {"true": True, "false": False, "null": None, "undefined": None}


class TemplateError(BadRequest):
    """A template cannot be read; `line` and `column` (from 1) tell where."""

    def __init__(self, reason: str, text: str, position: int) -> None:
        self.reason = reason
        self.line = text.count("\n", 0, position) + 1
        self.column = position - (text.rfind("\n", 0, position) + 1) + 1
        super().__init__(f"Template, line {self.line}, column {self.column}: {reason}")


class RenderingFailed(BadRequest):
    """A template cannot be filled with this recipient's values; others may be fine."""


class _Scope:
    """The meaning of names at one point of a render."""

    __slots__ = ("clock", "data", "defaults", "parent", "repeated", "substitutions", "this")

    def __init__(
        self,
        this: Any,
        substitutions: Mapping[str, Any] | None,
        defaults: Mapping[str, Any] | None,
        clock: Clock,
        parent: "_Scope | None" = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        self.this = this
        self.substitutions = substitutions
        self.defaults = defaults
        self.clock = clock
        self.parent = parent
        self.data = data
        self.repeated: list[int] = [0] if parent is None else parent.repeated  # one per render

    def repeat(self, text: str) -> str:
        """Count what a loop or partial wrote; partials that double each other end here."""
        self.repeated[0] += len(text) + 1
        if self.repeated[0] > MAX_REPEATED_CHARACTERS:
            raise RenderingFailed("The template's #each or partials repeat too much text.")
        return text

    def inside(self, this: Any, data: Mapping[str, Any] | None = None) -> "_Scope":
        return _Scope(this, self.substitutions, self.defaults, self.clock, self, data)


_Value = Callable[[_Scope], Any]
_Part = str | Callable[[_Scope], str]


def _walk(value: Any, parts: Sequence[str]) -> Any:
    for part in parts:
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list | tuple):
            if not part.isdecimal() or int(part) >= len(value):
                return None
            value = value[int(part)]
        elif part == "0" and value is not None:
            return value  # the first of a value that is not a list is that value
        else:
            return None
    return value


def _named_value(names: Sequence[tuple[str, Sequence[str]]], values: Mapping[str, Any]) -> Any:
    for name, rest in names:
        value = values.get(name)
        if value is not None:
            value = _walk(value, rest) if rest else value
            if not is_missing(value):
                return value
    return None


def _variable(parts: tuple[str, ...]) -> _Value:
    # Longest dotted name first: "User.UserId", then "User" with "UserId" inside it.
    names = [(".".join(parts[:n]), parts[n:]) for n in range(len(parts), 0, -1)]

    def look_up(scope: _Scope) -> Any:
        if scope.substitutions:
            value = _named_value(names, scope.substitutions)
            if value is not None:
                return value
        here: _Scope | None = scope
        while here is not None:
            value = _walk(here.this, parts)
            if not is_missing(value):
                return value
            here = here.parent
        return _named_value(names, scope.defaults) if scope.defaults else None

    return look_up


def _relative(up: int, parts: tuple[str, ...]) -> _Value:
    def look_up(scope: _Scope) -> Any:
        here = scope
        for _ in range(up):
            here = here.parent or here
        return _walk(here.this, parts)

    return look_up


def _loop_data(name: str) -> _Value:
    def look_up(scope: _Scope) -> Any:
        here: _Scope | None = scope
        while here is not None:
            if here.data is not None and name in here.data:
                return here.data[name]
            here = here.parent
        return None

    return look_up


class Template:
    """A compiled template: safe to share and to render any number of times."""

    __slots__ = ("_parts",)

    def __init__(self, parts: Sequence[_Part]) -> None:
        self._parts = tuple(parts)

    def render(
        self,
        variables: Mapping[str, Any],
        defaults: Mapping[str, Any] | None = None,
        *,
        substitutions: Mapping[str, Any] | None = None,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> str:
        """Return the text for one recipient.

        Args:
            variables: the endpoint (EndpointResponse form).
            defaults: the template's DefaultSubstitutions, decoded.
            substitutions: values of the request; they win over the variables.
            clock: tells the time to the `now` helper; pass one where the text must not vary.

        Raises:
            RenderingFailed: a helper cannot use a value; the message never carries the value.
        """
        scope = _Scope(variables, substitutions, defaults, clock)
        return "".join([p if isinstance(p, str) else p(scope) for p in self._parts])


def _joined(parts: Sequence[_Part]) -> Callable[[_Scope], str]:
    template = Template(parts)._parts

    def join(scope: _Scope) -> str:
        return "".join([p if isinstance(p, str) else p(scope) for p in template])

    return join


class _Tag:
    """One `{{…}}`: its opening, its words, and their places in the text."""

    __slots__ = ("position", "sigil", "tokens")

    def __init__(self, position: int, sigil: str, tokens: list[tuple[str, str, int]]) -> None:
        self.position = position
        self.sigil = sigil  # "", "&" (not escaped), "#", "^", "/", ">", "#*"
        self.tokens = tokens


class _Compiler:
    def __init__(self, text: str, html: bool) -> None:
        self.text = text
        self.html = html
        self.items = list(self._scan())
        self.at = 0
        self.depth = 0
        self.each_depth = 0
        self.partials: dict[str, Callable[[_Scope], str]] = {}
        self.uses: list[tuple[str | None, str, int]] = []  # (inside which partial, name, position)
        self.inside: str | None = None

    def fail(self, reason: str, position: int) -> NoReturn:
        raise TemplateError(reason, self.text, position)

    # Text to tags

    def _scan(self) -> "list[str | _Tag]":
        items: list[str | _Tag] = []
        text, start, trim = self.text, 0, False

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
                self.fail("raw blocks ({{{{…}}}}) are not supported", opened)
            inner = opened + (3 if triple else 2)
            trim_left = text.startswith("~", inner)
            inner += trim_left
            literal(before.rstrip() if trim_left else before)
            comment = text.startswith("!", inner)
            if comment:
                long = text.startswith("!--", inner)
                closed = text.find("--", inner + 3) if long else text.find("}}", inner)
                if closed < 0:
                    self.fail("this comment is never closed", opened)
                end = closed + 2 if long else closed - (text[closed - 1] == "~")
            else:
                matched = _TAG_BODY.match(text, inner)
                end = matched.end() if matched else inner
                if end > inner and text[end - 1] == "~":
                    end -= 1
            close = ("~" if text.startswith("~", end) else "") + ("}}}" if triple else "}}")
            if not text.startswith(close, end):
                self.fail(f"this tag is not closed by {close.lstrip('~')}", opened)
            if not comment:
                items.append(self._tag(opened, inner, end, triple))
            trim = close.startswith("~")
            start = end + len(close)
        literal(text[start:])
        return items

    def _tag(self, opened: int, start: int, end: int, triple: bool) -> _Tag:
        sigil = "&" if triple else ""
        if not triple:
            match = re.compile(r"#\*|[#^/>&]").match(self.text, start)
            if match:
                sigil, start = match.group(), match.end()
        if end - start > MAX_TAG_LENGTH:
            self.fail(f"a tag has at most {MAX_TAG_LENGTH} characters", opened)
        tokens: list[tuple[str, str, int]] = []
        while start < end and self.text[start:end].strip():
            token = _TOKEN.match(self.text, start, end)
            if token is None or token.lastgroup is None:
                self.fail("this cannot be read as a variable, helper or value", start)
            kind = token.lastgroup
            tokens.append((kind, token.group(kind), token.start(kind)))
            start = token.end()
        if not tokens and sigil != "^":
            self.fail("this tag is empty", opened)
        return _Tag(opened, sigil, tokens)

    # Tags to closures

    def compile(self) -> Template:
        parts, stop = self._block()
        if stop is not None:
            word = stop.tokens[0][1] if stop.tokens else "^"
            self.fail(f"{{{{{stop.sigil}{word}}}}} closes nothing that is open", stop.position)
        for _, name, position in self.uses:
            if name not in self.partials:
                self.fail(f"there is no inline partial named {name!r}", position)
        self._check_partial_depth()
        return Template(parts)

    def _check_partial_depth(self) -> None:
        uses: dict[str, dict[str, int]] = {}
        for origin, name, position in self.uses:
            if origin is not None:
                uses.setdefault(origin, {})[name] = position
        depths: dict[str, int] = {}

        def depth(name: str, path: tuple[str, ...]) -> int:
            if name not in depths:
                deepest = 0
                for used, position in uses.get(name, {}).items():
                    if used == name or used in path:
                        self.fail(f"the inline partial {used!r} contains itself", position)
                    if len(path) == MAX_PARTIAL_DEPTH:
                        break
                    deepest = max(deepest, depth(used, (*path, name)))
                depths[name] = 1 + deepest
            return depths[name]

        for _, name, position in self.uses:
            if depth(name, ()) > MAX_PARTIAL_DEPTH:
                self.fail(f"more than {MAX_PARTIAL_DEPTH} partials inside each other", position)

    def _block(self) -> tuple[list[_Part], _Tag | None]:
        """Parse parts up to an `else` or closing tag, which is returned unread, or the end."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail(f"more than {MAX_DEPTH} blocks inside each other", self._position())
        parts: list[_Part] = []
        stop = None
        while self.at < len(self.items):
            item = self.items[self.at]
            self.at += 1
            if isinstance(item, str):
                parts.append(item)
            elif item.sigil == "/" or self._is_else(item):
                stop = item
                break
            elif item.sigil == "#*":
                self._define_partial(item)
            elif item.sigil in ("#", "^"):
                parts.append(self._open_block(item))
            elif item.sigil == ">":
                parts.append(self._use_partial(item))
            else:
                parts.append(self._print(item))
        self.depth -= 1
        return parts, stop

    def _position(self) -> int:
        item = self.items[min(self.at, len(self.items)) - 1]
        return item.position if isinstance(item, _Tag) else 0

    @staticmethod
    def _is_else(tag: _Tag) -> bool:
        return (tag.sigil == "^" and not tag.tokens) or (
            tag.sigil == "" and tag.tokens[0][:2] == ("path", "else")
        )

    def _print(self, tag: _Tag) -> Callable[[_Scope], str]:
        value = self._expression(tag.tokens, tag.position)
        if not self.html or tag.sigil == "&":

            def plain(scope: _Scope) -> str:
                return text_of(value(scope))

            return plain

        def escaped(scope: _Scope) -> str:
            text = text_of(value(scope))
            return text.translate(_HTML) if _HTML_SPECIAL.search(text) else text

        return escaped

    def _define_partial(self, tag: _Tag) -> None:
        tokens = tag.tokens
        if len(tokens) != 2 or tokens[0][1] != "inline" or tokens[1][0] != "string":
            self.fail('an inline partial is written {{#* inline "name"}}', tag.position)
        name = tokens[1][1][1:-1]
        if name in self.partials:
            self.fail(f"there are two inline partials named {name!r}", tag.position)
        outer, self.inside = self.inside, name
        body, stop = self._block()
        self.inside = outer
        self._expect_close(tag, stop, "inline")
        self.partials[name] = _joined(body)

    def _use_partial(self, tag: _Tag) -> Callable[[_Scope], str]:
        if len(tag.tokens) != 1 or tag.tokens[0][0] not in ("path", "string"):
            self.fail("a partial takes its name and nothing else: {{> name}}", tag.position)
        name = tag.tokens[0][1].strip("\"'")
        self.uses.append((self.inside, name, tag.position))
        partials = self.partials
        return lambda scope: scope.repeat(partials[name](scope))

    def _expect_close(self, opened: _Tag, stop: _Tag | None, name: str) -> None:
        if stop is None:
            self.fail(f"{{{{#{name}}}}} is never closed by {{{{/{name}}}}}", opened.position)
        if stop.sigil != "/" or stop.tokens[0][1] != name:
            self.fail(f"expected {{{{/{name}}}}} here", stop.position)

    def _open_block(self, tag: _Tag) -> Callable[[_Scope], str]:
        inverted = tag.sigil == "^"
        if not tag.tokens or tag.tokens[0][0] != "path":
            self.fail("a block starts with the name of its helper", tag.position)
        name = tag.tokens[0][1]
        block = self._block_body(tag, name, tag.tokens)
        if inverted:
            self.fail(f"write {{{{#{name} …}}}}{{{{else}}}} instead of ^", tag.position)
        return block

    def _block_body(
        self, tag: _Tag, outer: str, tokens: list[tuple[str, str, int]]
    ) -> Callable[[_Scope], str]:
        name = tokens[0][1]
        build = {"if": self._if, "unless": self._if, "each": self._each, "with": self._with}
        helper = HELPERS.get(name)
        if name in build:
            value = self._expression(tokens[1:], tag.position, needs_one=f"#{name}")
        elif helper is not None and helper.condition:
            value = self._expression(tokens, tag.position)
        else:
            blocks = [*build, *(word for word, helper in HELPERS.items() if helper.condition)]
            self.fail(f"there is no block helper {name!r}{_nearest(name, blocks)}", tag.position)
        self.each_depth += name == "each"
        if self.each_depth > MAX_EACH_DEPTH:
            self.fail(f"more than {MAX_EACH_DEPTH} #each inside each other", tag.position)
        body, stop = self._block()
        self.each_depth -= name == "each"
        otherwise: list[_Part] = []
        if stop is not None and self._is_else(stop):
            if len(stop.tokens) > 1:  # {{else if …}}: a block that shares the closing tag
                otherwise = [self._block_body(stop, outer, stop.tokens[1:])]
                return build.get(name, self._if)(name, value, body, otherwise)
            otherwise, stop = self._block()
        self._expect_close(tag, stop, outer)
        return build.get(name, self._if)(name, value, body, otherwise)

    @staticmethod
    def _if(
        name: str, value: _Value, body: list[_Part], otherwise: list[_Part]
    ) -> Callable[[_Scope], str]:
        yes, no = _joined(body), _joined(otherwise)
        if name == "unless":
            yes, no = no, yes
        return lambda scope: yes(scope) if truthy(value(scope)) else no(scope)

    @staticmethod
    def _with(
        name: str, value: _Value, body: list[_Part], otherwise: list[_Part]
    ) -> Callable[[_Scope], str]:
        yes, no = _joined(body), _joined(otherwise)

        def run(scope: _Scope) -> str:
            this = value(scope)
            return yes(scope.inside(this)) if truthy(this) else no(scope)

        return run

    @staticmethod
    def _each(
        name: str, value: _Value, body: list[_Part], otherwise: list[_Part]
    ) -> Callable[[_Scope], str]:
        one, no = _joined(body), _joined(otherwise)

        def run(scope: _Scope) -> str:
            values = value(scope)
            if is_missing(values):
                return no(scope)
            if isinstance(values, Mapping):
                pairs = list(values.items())[:EACH_LIMIT]
            elif isinstance(values, list | tuple):
                pairs = list(enumerate(values[:EACH_LIMIT]))
            else:
                pairs = [(0, values)]
            written = []
            for index, (key, item) in enumerate(pairs):
                data = {
                    "index": index,
                    "key": key,
                    "first": index == 0,
                    "last": index == len(pairs) - 1,
                }
                written.append(scope.repeat(one(scope.inside(item, data))))
            return "".join(written)

        return run

    # Words to values

    def _expression(
        self, tokens: list[tuple[str, str, int]], position: int, needs_one: str = ""
    ) -> _Value:
        if needs_one:
            if not tokens:
                self.fail(f"{needs_one} needs a value", position)
            value, used = self._value(tokens, 0, False)
            if used != len(tokens):
                self.fail(f"{needs_one} takes one value", tokens[used][2])
            return value
        kind, word, where = tokens[0]
        helper = HELPERS.get(word) if kind == "path" else None
        if helper is not None and (len(tokens) > 1 or helper.least == 0):
            return self._call(word, helper, tokens[1:], where)
        if len(tokens) > 1 and kind == "path":
            self.fail(f"there is no helper named {word!r}{_nearest(word, HELPERS)}", where)
        value, used = self._value(tokens, 0, False)
        if used != len(tokens):
            self.fail("a value stands alone", tokens[used][2])
        return value

    def _value(
        self, tokens: list[tuple[str, str, int]], at: int, words: bool
    ) -> tuple[_Value, int]:
        kind, word, where = tokens[at]
        if kind == "string":
            return _constant(word[1:-1]), at + 1
        if kind == "number":
            return _constant(float(word) if "." in word else int(word)), at + 1
        if kind == "path":
            return self._path(word, where, words), at + 1
        if kind != "open":
            self.fail(f"{word!r} does not belong here", where)
        depth, end = 1, at + 1
        while end < len(tokens) and depth:
            depth += {"open": 1, "close": -1}.get(tokens[end][0], 0)
            end += 1
        if depth:
            self.fail("this parenthesis is never closed", where)
        inner = tokens[at + 1 : end - 1]
        self.depth += 1
        if not inner or self.depth > MAX_DEPTH:
            self.fail("empty or too deeply nested parentheses", where)
        value = self._expression(inner, where)
        self.depth -= 1
        return value, end

    def _path(self, word: str, position: int, words: bool) -> _Value:
        if word in _LITERALS:
            return _constant(_LITERALS[word])
        if word.startswith("@"):
            return _loop_data(word[1:])
        up = 0
        rest = word
        while rest.startswith("../") or rest == "..":
            up, rest = up + 1, rest[3:]
        own = up > 0 or rest == "." or rest == "this" or rest.startswith(("this.", "this/"))
        if own and up == 0:
            rest = rest[1:] if rest.startswith(".") else rest[5:]
        parts = tuple(match[1] or match[2] for match in _PATH_PART.finditer(rest))
        if own:
            return _relative(up, parts)
        if not parts:
            self.fail(f"{word!r} names nothing", position)
        look_up = _variable(parts)
        if not words:
            return look_up

        def or_itself(scope: _Scope) -> Any:
            value = look_up(scope)
            return word if value is None else value

        return or_itself

    def _call(
        self, name: str, helper: Helper, tokens: list[tuple[str, str, int]], position: int
    ) -> _Value:
        values: list[_Value] = []
        named: dict[str, _Value] = {}
        at = 0
        while at < len(tokens):
            kind, word, where = tokens[at]
            if kind == "name":
                if word not in helper.named:
                    known = ", ".join(sorted(helper.named)) or "none"
                    self.fail(f"{name} takes no {word}= (it knows: {known})", where)
                if at + 1 == len(tokens):
                    self.fail(f"{word}= has no value", where)
                if word == "locale" and not tokens[at + 1][1].strip("\"'").startswith("en"):
                    self.fail("months and days are written in English only: drop locale=", where)
                named[word], at = self._value(tokens, at + 1, helper.words)
            else:
                # The value a helper works on is a variable; only its other words may be bare.
                value, at = self._value(tokens, at, helper.words and bool(values))
                values.append(value)
        if not helper.least <= len(values) <= helper.most:
            wanted = (
                f"{helper.least}"
                if helper.least == helper.most
                else f"{helper.least} to {helper.most}"
            )
            self.fail(f"{name} takes {wanted} values, not {len(values)}", position)
        return _bound(name, helper, values, named)


def _nearest(word: str, helpers: Iterable[str]) -> str:
    """Return the end of a sentence about an unknown helper: the nearest helper, and the list."""
    from difflib import get_close_matches  # only needed to explain a mistake

    by_letters = {helper.lower(): helper for helper in helpers}
    synonym = _SYNONYMS.get(word.lower())
    near = [synonym] if synonym in by_letters.values() else []
    near = near or [by_letters[m] for m in get_close_matches(word.lower(), by_letters, n=1)]
    meant = f": did you mean {near[0]!r}?" if near else "."
    return f"{meant} docs/template_helpers.md lists them with examples"


def _constant(value: Any) -> _Value:
    return lambda scope: value


def _bound(
    name: str, helper: Helper, values: Sequence[_Value], named: Mapping[str, _Value]
) -> _Value:
    function = helper.function

    def run(scope: _Scope) -> Any:
        options = {key: value(scope) for key, value in named.items()} if named else {}
        try:
            result = function([value(scope) for value in values], options, scope.clock)
        except (HelperProblem, DateProblem) as problem:
            raise RenderingFailed(f"Template helper {name}: {problem}") from problem
        if options and helper.condition:
            return options.get("yes" if result else "no", result)
        return result

    return run


@lru_cache(maxsize=128)
def compile_template(text: str, *, html: bool = False) -> Template:
    """Compile a template; the same text is compiled once per process.

    Args:
        html: escape the values for HTML, except in `{{{…}}}`. For an email's HTML body only.

    Raises:
        TemplateError: it cannot be read; the error tells where.
    """
    return _Compiler(text, html).compile()


# Template requests


def validate_template_name(name: str) -> None:
    """Check a template's name.

    Raises:
        BadRequest: it does not start with a letter or digit, is longer than 128, or has characters
            other than letters, digits, `_` and `-`.
    """
    if not TEMPLATE_NAME.fullmatch(name):
        raise BadRequest(
            f"Template name {name[:128]!r} must start with a letter or digit and have 1 to 128 of "
            "A-Z, a-z, 0-9, _ and -."
        )


def default_substitutions(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return the template's default values, decoded.

    Raises:
        BadRequest: DefaultSubstitutions is no string that holds a JSON object.
    """
    encoded = template.get("DefaultSubstitutions")
    if encoded is None or encoded == "":
        return {}
    try:
        decoded = json.loads(encoded)
    except (TypeError, ValueError, RecursionError):
        decoded = None
    if not isinstance(decoded, dict):
        raise BadRequest(
            "DefaultSubstitutions must be a string that holds a JSON object, such as "
            '{"User.UserAttributes.FirstName": "there"}.'
        )
    return decoded


def _check_part(request: Mapping[str, Any], member: str, limit: int, html: bool = False) -> bool:
    text = request.get(member)
    if text is None or text == "":
        return False
    if not isinstance(text, str):
        raise BadRequest(f"{member} must be a string.")
    if len(text) > limit:
        raise BadRequest(f"{member} has {len(text)} characters; the limit is {limit}. Shorten it.")
    try:
        compile_template(text, html=html)
    except TemplateError as error:
        raise BadRequest(f"{member}: {error.message}") from error
    return True


def validate_headers(headers: Any) -> None:
    """Check an email's own headers: at most 15, plain names, values of one line.

    Raises:
        BadRequest: one of them breaks the rules; SES would refuse the message.
    """
    if headers is None:
        return
    if not isinstance(headers, list) or len(headers) > HEADER_LIMIT:
        raise BadRequest(f"Headers must be a list of at most {HEADER_LIMIT}.")
    for number, header in enumerate(headers):
        name, value = header.get("Name") or "", header.get("Value") or ""
        if not HEADER_NAME.fullmatch(name) or len(name) > HEADER_NAME_LIMIT:
            raise BadRequest(
                f"Headers[{number}].Name must be 1 to {HEADER_NAME_LIMIT} printable ASCII "
                "characters without a colon."
            )
        if not value or len(value) > HEADER_VALUE_LIMIT or "\n" in value or "\r" in value:
            raise BadRequest(
                f"Headers[{number}].Value must be 1 to {HEADER_VALUE_LIMIT} characters on one line."
            )
        _check_part({f"Headers[{number}].Value": value}, f"Headers[{number}].Value", 10**6)


def validate_template(kind: str, request: Mapping[str, Any]) -> None:
    """Check a template request of kind EMAIL, SMS or VOICE before it is stored.

    Raises:
        BadRequest: a part is too long, cannot be compiled (member, line and column are named), all
            parts are missing, or DefaultSubstitutions is no JSON object in a string.

    Source: Pinpoint quotas, "Message templates": SMS 1,600 characters, email 600,000, voice 10,000.
    """
    default_substitutions(request)
    if kind == "EMAIL":
        parts = [
            _check_part(request, "Subject", EMAIL_PART_LIMIT),
            _check_part(request, "HtmlPart", EMAIL_PART_LIMIT, html=True),
            _check_part(request, "TextPart", EMAIL_PART_LIMIT),
        ]
        validate_headers(request.get("Headers"))
        wanted = "a Subject, an HtmlPart or a TextPart"
    elif kind in ("SMS", "VOICE"):
        limit = SMS_BODY_LIMIT if kind == "SMS" else VOICE_BODY_LIMIT
        parts = [_check_part(request, "Body", limit)]
        wanted = "a Body"
    else:
        raise BadRequest(f"This engagement hub has no {kind} templates; it has EMAIL, SMS, VOICE.")
    if request.get("RecommenderId"):
        raise BadRequest("RecommenderId: recommenders are not offered by this engagement hub.")
    if not any(parts):
        raise BadRequest(f"The template needs {wanted}.")


__all__ = [
    "EMAIL_PART_LIMIT",
    "SMS_BODY_LIMIT",
    "VOICE_BODY_LIMIT",
    "RenderingFailed",
    "Template",
    "TemplateError",
    "compile_template",
    "default_substitutions",
    "validate_headers",
    "validate_template",
    "validate_template_name",
]
