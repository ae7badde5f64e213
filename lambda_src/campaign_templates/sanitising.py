"""External HTML becomes HTML that may go into an email.

The HTML is read and written anew: elements and attributes of a list, and all other text escaped.
So the result has no script, form, frame, event handler or URL of another scheme, however the input
was written; a reader of the result sees the same elements as this writer, because nothing of the
input's own markup is left in it.

Why our own: nh3 is native code, and the packages of this project run on any processor. bleach is
pure Python, but its authors declared it deprecated, and it takes fragments only: it drops the head,
and with it the style sheet that an email for phones needs.

Document type and `<html>` are left out, so that a shell `<html>{{Attributes.html}}</html>` makes
one document and not one inside the other. `<head>` and `<body>` stay.

Source: HTML Living Standard, "Parsing HTML documents"; "The elements of HTML".
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser

__all__ = ["Sanitised", "sanitise"]

_VOID = frozenset({"br", "col", "hr", "img", "meta", "wbr"})
_OPTIONAL_END = frozenset(
    {"body", "colgroup", "dd", "dt", "head", "li", "p", "tbody", "td", "tfoot", "th", "thead", "tr"}
)
_ELEMENT_NAMES = """
a abbr address article aside b bdi bdo big blockquote caption center cite code del details dfn div
em figcaption figure font footer h1 h2 h3 h4 h5 h6 header i ins kbd main mark nav ol pre q s samp
section small span strike strong style sub summary sup table time title tt u ul var
"""
_ELEMENTS = frozenset(_ELEMENT_NAMES.split()) | _VOID | _OPTIONAL_END
# Elements whose content goes with them: code, forms, other documents, and languages with other
# rules of parsing. The tags of any other element go, and its content stays.
_DROPPED_NAMES = """
applet audio canvas frameset iframe math noembed noframes object option plaintext script select svg
template textarea video xmp
"""
_DROPPED = frozenset(_DROPPED_NAMES.split())
_ATTRIBUTE_NAMES = """
abbr align alt background bgcolor border cellpadding cellspacing charset class clear color cols
colspan content datetime dir face headers height href hspace id lang media name nowrap open rel role
rows rowspan scope size span src start style summary target title type valign value vspace width
ses:no-track ses:tags
"""
_ATTRIBUTES = frozenset(_ATTRIBUTE_NAMES.split())
_URLS = frozenset({"background", "href", "src"})
_SCHEMES = {
    "href": frozenset({"https", "http", "mailto", "tel", "sms"}),
    "src": frozenset({"https", "http", "cid"}),
    "background": frozenset({"https", "http", "cid"}),
}
_DATA_IMAGE = re.compile(r"data:image/(?:gif|jpeg|png|webp);base64,[A-Za-z0-9+/=]*")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_IGNORED_IN_URLS = re.compile(r"[\x00-\x20\x7f-\xa0\u2000-\u200f\u2028-\u202f\ufeff]")
_META_NAMES = frozenset(
    {
        "color-scheme",
        "format-detection",
        "supported-color-schemes",
        "viewport",
        "x-apple-disable-message-reformatting",
    }
)
_CSS_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
# A backslash writes any other word of this list with an escape.
_CSS_REFUSED = re.compile(
    r"[\\<]|@import|@charset|expression\s*\(|behaviou?r\s*:|-moz-binding|(?:java|vb)script:",
    re.IGNORECASE,
)
_CSS_URL_BEGINS = re.compile(r"url\s*\(\s*", re.IGNORECASE)
_CSS_URL = re.compile(r"""(?:"([^"]*+)"|'([^']*+)'|([^\s"'()]++))\s*+\)""")
_TAG_CHARACTERS = 10_000  # an image within the tag, data:…, is longer; give it a URL
# A < outside quotes begins the next tag, so that no part is read again and again.
_WHOLE_TAG = re.compile(r"""</?[A-Za-z][^<>"']*+(?:(?:"[^"]*+"|'[^']*+')[^<>"']*+)*+>""")
_DECLARATION = re.compile(r"<[!?][^<>]*+>")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Sanitised:
    """The HTML, and how many elements and attributes were left out."""

    html: str
    removed: int


def sanitise(html: str) -> Sanitised:
    """Return the HTML with elements and attributes of the list only."""
    writer = _Writer()
    writer.feed(_whole_tags(_CONTROLS.sub("", html)))
    writer.close()
    return writer.result()


def _whole_tags(html: str) -> str:
    """Leave comments and declarations out, and write a `<` that begins no whole tag as text.

    The standard library's parser reads on to the end for each tag that is not closed, which takes
    half a minute for 20 KB of `<a `.
    """
    written: list[str] = []
    at = 0
    comment_ends = html.rfind("-->")
    while (start := html.find("<", at)) >= 0:
        written.append(html[at:start])
        at = start + 1
        if html.startswith("<!--", start):
            if start < comment_ends:
                at = html.index("-->", start) + 3
        elif match := _DECLARATION.match(html, start, start + _TAG_CHARACTERS):
            at = match.end()
        elif match := _WHOLE_TAG.match(html, start, start + _TAG_CHARACTERS):
            written.append(match.group())
            at = match.end()
        else:
            written.append("&lt;")
    return "".join(written) + html[at:]


class _Elements:
    """Open elements, the innermost one last; a search for a name does not read the list."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._number: Counter[str] = Counter()

    def __bool__(self) -> bool:
        return bool(self._names)

    def __contains__(self, tag: str) -> bool:
        return self._number[tag] > 0

    def begin(self, tag: str) -> None:
        self._names.append(tag)
        self._number[tag] += 1

    def end_innermost(self) -> str:
        tag = self._names.pop()
        self._number[tag] -= 1
        return tag


class _Writer(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._written: list[str] = []
        self._open = _Elements()
        self._dropped = _Elements()
        self._style: list[str] | None = None
        self._removed = 0

    def result(self) -> Sanitised:
        self._end_style()
        while self._open:
            self._close(self._open.end_innermost())
        return Sanitised("".join(self._written), self._removed)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._dropped:
            if tag in _DROPPED:
                self._dropped.begin(tag)
            return
        self._end_style()
        if tag in _DROPPED:
            self._removed += 1
            self._dropped.begin(tag)
        elif tag == "html":
            pass  # the campaign's shell has the html element
        elif tag not in _ELEMENTS:
            self._removed += 1
        elif tag == "style":
            self._style = []
            self._open.begin(tag)
            self._written.append(f"<style{self._attributes(tag, attrs)}>")
        elif tag == "meta":
            self._meta(attrs)
        else:
            if tag not in _VOID:
                self._open.begin(tag)
            self._written.append(f"<{tag}{self._attributes(tag, attrs)}>")

    def handle_endtag(self, tag: str) -> None:
        if self._dropped:
            if tag in self._dropped:
                while self._dropped.end_innermost() != tag:
                    pass
            return
        self._end_style()
        if tag not in self._open:
            return
        while (inner := self._open.end_innermost()) != tag:
            self._close(inner)
        self._written.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if self._dropped:
            return
        if self._style is not None:
            self._style.append(data)
        else:
            self._written.append(escape(data, quote=False))

    def _close(self, tag: str) -> None:
        if tag not in _OPTIONAL_END:
            self._written.append(f"</{tag}>")

    def _end_style(self) -> None:
        if self._style is None:
            return
        sheet, self._style = _safe_css("".join(self._style)), None
        if sheet is None:
            self._removed += 1
        self._written.append((sheet or "") + "</style>")
        self._open.end_innermost()  # nothing begins inside a style sheet

    def _meta(self, attrs: list[tuple[str, str | None]]) -> None:
        names = {name: value or "" for name, value in attrs}
        if "charset" in names:
            self._written.append('<meta charset="utf-8">')
        elif names.get("name", "").lower() in _META_NAMES:
            name, content = names["name"].lower(), escape(names.get("content", ""))
            self._written.append(f'<meta name="{name}" content="{content}">')
        else:
            self._removed += 1

    def _attributes(self, tag: str, attrs: list[tuple[str, str | None]]) -> str:
        written: dict[str, str] = {}
        for name, value in attrs:
            kept = self._value(tag, name, value or "")
            if kept is None or name in written:
                self._removed += 1
            else:
                written[name] = f' {name}="{escape(kept)}"'
        if "target" in written:
            written["rel"] = ' rel="noopener noreferrer"'
        return "".join(written.values())

    def _value(self, tag: str, name: str, value: str) -> str | None:
        if name not in _ATTRIBUTES and not re.fullmatch(r"aria-[a-z]+", name):
            return None
        if name in ("charset", "content"):
            return None  # of meta only
        if name in _URLS:
            return value if _safe_url(name, value) else None
        if name == "style":
            return _safe_css(value)
        if name == "target":
            return value if value == "_blank" else None
        return value


def _safe_url(name: str, url: str) -> bool:
    plain = _IGNORED_IN_URLS.sub("", url)
    if name == "href" and plain.startswith("#"):
        return True
    if name != "href" and _DATA_IMAGE.fullmatch(plain):
        return True
    scheme = _SCHEME.match(plain)
    return scheme is not None and scheme[1].lower() in _SCHEMES[name]


def _safe_css(css: str) -> str | None:
    """Return the style without its comments; None where it may load or run something."""
    plain = _CSS_COMMENT.sub(" ", css)
    # Old readers put the two sides of a comment together, `exp/**/ression`; others do not.
    if _CSS_REFUSED.search(plain) or _CSS_REFUSED.search(_CSS_COMMENT.sub("", css)):
        return None
    # Each url( must be one that can be read, and safe.
    for begin in _CSS_URL_BEGINS.finditer(plain):
        url = _CSS_URL.match(plain, begin.end())
        if url is None or not _safe_url("src", url[1] or url[2] or url[3] or ""):
            return None
    return plain
