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
- In HTML a value is escaped, except in `{{{…}}}`, and except where a campaign's hook vouches for it
  as markup (`template_helpers.Markup`).
- Values are read from mappings and lists only: a template never reaches a Python attribute.

Source: Pinpoint user guide, "Using message template helpers" and "Adding personalized content to
message templates".
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NoReturn

from shared.messages.template_helpers import (
    HELPERS,
    Clock,
    DateProblem,
    Helper,
    HelperProblem,
    is_markup,
    is_missing,
    text_of,
    truthy,
)
from shared.messages.template_scope import (
    RenderingFailed,
    Scope,
    Value,
    from_root,
    loop_data,
    relative,
    variable,
)
from shared.messages.template_syntax import Tag, TemplateError, Token, path_parts, scan

EACH_LIMIT = 15
# Bounds that keep a template from exhausting the stack, the memory or the time of a function.
MAX_DEPTH = 20  # blocks and parentheses inside each other
MAX_EACH_DEPTH = 3  # 15 × 15 × 15 values
MAX_PARTIAL_DEPTH = 5  # inline partials inside each other
_LOOP_DATA = ("index", "key", "first", "last")
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
_LITERALS: dict[str, Any] = {"true": True, "false": False, "null": None, "undefined": None}

_Part = str | Callable[[Scope], str]


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
        scope = Scope(variables, substitutions, defaults, clock)
        return "".join([p if isinstance(p, str) else p(scope) for p in self._parts])


def _joined(parts: Sequence[_Part]) -> Callable[[Scope], str]:
    template = Template(parts)._parts

    def join(scope: Scope) -> str:
        return "".join([p if isinstance(p, str) else p(scope) for p in template])

    return join


class _Compiler:
    def __init__(self, text: str, html: bool) -> None:
        self.text = text
        self.html = html
        self.items = scan(text)
        self.at = 0
        self.depth = 0
        self.each_depth = 0
        self.partials: dict[str, Callable[[Scope], str]] = {}
        self.uses: list[tuple[str | None, str, int]] = []  # (inside which partial, name, position)
        self.inside: str | None = None

    def fail(self, reason: str, position: int) -> NoReturn:
        raise TemplateError(reason, self.text, position)

    def compile(self) -> Template:
        parts, stop = self._block()
        if stop is not None:
            word = stop.tokens[0].word if stop.tokens else "^"
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

    def _block(self) -> tuple[list[_Part], Tag | None]:
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
            elif item.sigil == "/" or item.is_else:
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
        return item.position if isinstance(item, Tag) else 0

    def _print(self, tag: Tag) -> Callable[[Scope], str]:
        value = self._expression(tag.tokens, tag.position)
        if not self.html or tag.sigil == "&":

            def plain(scope: Scope) -> str:
                return text_of(value(scope))

            return plain

        def escaped(scope: Scope) -> str:
            found = value(scope)
            text = text_of(found)
            if not _HTML_SPECIAL.search(text) or is_markup(found):
                return text
            return text.translate(_HTML)

        return escaped

    def _define_partial(self, tag: Tag) -> None:
        tokens = tag.tokens
        if len(tokens) != 2 or tokens[0].word != "inline" or tokens[1].kind != "string":
            self.fail('an inline partial is written {{#* inline "name"}}', tag.position)
        name = tokens[1].word[1:-1]
        if name in self.partials:
            self.fail(f"there are two inline partials named {name!r}", tag.position)
        outer, self.inside = self.inside, name
        body, stop = self._block()
        self.inside = outer
        self._expect_close(tag, stop, "inline")
        self.partials[name] = _joined(body)

    def _use_partial(self, tag: Tag) -> Callable[[Scope], str]:
        if len(tag.tokens) != 1 or tag.tokens[0].kind not in ("path", "string"):
            self.fail("a partial takes its name and nothing else: {{> name}}", tag.position)
        name = tag.tokens[0].word.strip("\"'")
        self.uses.append((self.inside, name, tag.position))
        partials = self.partials
        return lambda scope: scope.repeat(partials[name](scope))

    def _expect_close(self, opened: Tag, stop: Tag | None, name: str) -> None:
        if stop is None:
            self.fail(f"{{{{#{name}}}}} is never closed by {{{{/{name}}}}}", opened.position)
        if stop.sigil != "/" or stop.tokens[0].word != name:
            self.fail(f"expected {{{{/{name}}}}} here", stop.position)

    def _open_block(self, tag: Tag) -> Callable[[Scope], str]:
        inverted = tag.sigil == "^"
        if not tag.tokens or tag.tokens[0].kind != "path":
            self.fail("a block starts with the name of its helper", tag.position)
        name = tag.tokens[0].word
        block = self._block_body(tag, name, tag.tokens)
        if inverted:
            self.fail(f"write {{{{#{name} …}}}}{{{{else}}}} instead of ^", tag.position)
        return block

    def _block_body(self, tag: Tag, outer: str, tokens: Sequence[Token]) -> Callable[[Scope], str]:
        name = tokens[0].word
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
        if stop is not None and stop.is_else:
            if len(stop.tokens) > 1:  # {{else if …}}: a block that shares the closing tag
                otherwise = [self._block_body(stop, outer, stop.tokens[1:])]
                return build.get(name, self._if)(name, value, body, otherwise)
            otherwise, stop = self._block()
        self._expect_close(tag, stop, outer)
        return build.get(name, self._if)(name, value, body, otherwise)

    @staticmethod
    def _if(
        name: str, value: Value, body: list[_Part], otherwise: list[_Part]
    ) -> Callable[[Scope], str]:
        yes, no = _joined(body), _joined(otherwise)
        if name == "unless":
            yes, no = no, yes
        return lambda scope: yes(scope) if truthy(value(scope)) else no(scope)

    @staticmethod
    def _with(
        name: str, value: Value, body: list[_Part], otherwise: list[_Part]
    ) -> Callable[[Scope], str]:
        yes, no = _joined(body), _joined(otherwise)

        def run(scope: Scope) -> str:
            this = value(scope)
            return yes(scope.inside(this)) if truthy(this) else no(scope)

        return run

    @staticmethod
    def _each(
        name: str, value: Value, body: list[_Part], otherwise: list[_Part]
    ) -> Callable[[Scope], str]:
        one, no = _joined(body), _joined(otherwise)

        def run(scope: Scope) -> str:
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

    def _expression(self, tokens: Sequence[Token], position: int, needs_one: str = "") -> Value:
        if needs_one:
            if not tokens:
                self.fail(f"{needs_one} needs a value", position)
            value, used = self._value(tokens, 0, False)
            if used != len(tokens):
                self.fail(f"{needs_one} takes one value", tokens[used].position)
            return value
        kind, word, where = tokens[0]
        helper = HELPERS.get(word) if kind == "path" else None
        if helper is not None and (len(tokens) > 1 or helper.least == 0):
            return self._call(word, helper, tokens[1:], where)
        if len(tokens) > 1 and kind == "path":
            self.fail(f"there is no helper named {word!r}{_nearest(word, HELPERS)}", where)
        value, used = self._value(tokens, 0, False)
        if used != len(tokens):
            self.fail("a value stands alone", tokens[used].position)
        return value

    def _value(self, tokens: Sequence[Token], at: int, words: bool) -> tuple[Value, int]:
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
            depth += {"open": 1, "close": -1}.get(tokens[end].kind, 0)
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

    def _path(self, word: str, position: int, words: bool) -> Value:
        if word in _LITERALS:
            return _constant(_LITERALS[word])
        if word.startswith("@"):
            return self._at(word[1:], position)
        up = 0
        rest = word
        while rest.startswith("../") or rest == "..":
            up, rest = up + 1, rest[3:]
        own = up > 0 or rest == "." or rest == "this" or rest.startswith(("this.", "this/"))
        if own and up == 0:
            rest = rest[1:] if rest.startswith(".") else rest[5:]
        if rest.startswith("@"):
            self.fail(f"write @../{rest[1:]} for a value of the loop outside", position)
        parts = path_parts(rest)
        if own:
            return relative(up, parts)
        if not parts:
            self.fail(f"{word!r} names nothing", position)
        look_up = variable(parts)
        if not words:
            return look_up

        def or_itself(scope: Scope) -> Any:
            value = look_up(scope)
            return word if value is None else value

        return or_itself

    def _at(self, name: str, position: int) -> Value:
        up = 0
        while name.startswith("../"):
            up, name = up + 1, name[3:]
        parts = path_parts(name)
        if parts[:1] == ("root",):
            return from_root(parts[1:])
        if parts not in [(known,) for known in _LOOP_DATA]:
            known = ", ".join(f"@{known}" for known in (*_LOOP_DATA, "root"))
            self.fail(f"there is no @{name}; the dialect has {known}", position)
        if self.inside is None and up >= self.each_depth:
            self.fail(f"@{'../' * up}{name} belongs into {up + 1} #each or more", position)
        return loop_data(parts[0], up)

    def _call(self, name: str, helper: Helper, tokens: Sequence[Token], position: int) -> Value:
        values: list[Value] = []
        named: dict[str, Value] = {}
        at = 0
        while at < len(tokens):
            kind, word, where = tokens[at]
            if kind == "name":
                if word not in helper.named:
                    known = ", ".join(sorted(helper.named)) or "none"
                    self.fail(f"{name} takes no {word}= (it knows: {known})", where)
                if at + 1 == len(tokens):
                    self.fail(f"{word}= has no value", where)
                if word == "locale" and not tokens[at + 1].word.strip("\"'").startswith("en"):
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


def _constant(value: Any) -> Value:
    return lambda scope: value


def _bound(name: str, helper: Helper, values: Sequence[Value], named: Mapping[str, Value]) -> Value:
    function = helper.function

    def run(scope: Scope) -> Any:
        options = {key: value(scope) for key, value in named.items()} if named else {}
        arguments = [value(scope) for value in values]
        try:
            result = function(arguments, options, scope.clock)
        except (HelperProblem, DateProblem) as problem:
            raise RenderingFailed(f"Template helper {name}: {problem}") from problem
        except (ArithmeticError, ValueError) as error:
            # Python's own error may carry the value: a number or a date out of every range.
            raise RenderingFailed(f"Template helper {name}: cannot work with the value") from error
        if isinstance(result, str):
            scope.repeat(result)
        if options and helper.condition:
            return options.get("yes" if result else "no", result)
        return result

    return run


@lru_cache(maxsize=128)
def compile_template(text: str, *, html: bool = False) -> Template:
    """Compile a template; the same text is compiled once per process.

    Args:
        html: escape the values, except in `{{{…}}}`: for an email's HTML body, and for SSML.

    Raises:
        TemplateError: it cannot be read; the error tells where.
    """
    return _Compiler(text, html).compile()


__all__ = ["RenderingFailed", "Template", "TemplateError", "compile_template"]
