"""A reader of HTML that an email has, for attacks on it."""

from __future__ import annotations

from html.parser import HTMLParser

__all__ = ["HtmlReader"]

DANGEROUS = {
    "applet", "base", "button", "embed", "form", "frame", "iframe", "input", "link", "math",
    "noscript", "object", "plaintext", "script", "select", "source", "svg", "template",
    "textarea", "video", "xmp",
}  # fmt: skip


class HtmlReader(HTMLParser):
    """Reads HTML as another program would, and keeps what may run or load something."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in DANGEROUS:
            self.found.append(tag)
        for name, value in attrs:
            plain = "".join((value or "").split()).lower()
            if name.startswith("on") or name in ("srcset", "formaction", "action", "http-equiv"):
                self.found.append(name)
            if name in ("href", "src", "background") and not plain.startswith(
                ("https:", "http:", "mailto:", "tel:", "sms:", "cid:", "#", "data:image/")
            ):
                self.found.append(plain)
            if name == "style" and ("script" in plain or "expression(" in plain):
                self.found.append(plain)

    def handle_comment(self, data: str) -> None:
        self.found.append("comment")
