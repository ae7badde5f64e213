"""The content of a campaign, from its `CustomMessage.Data`.

`Data` is a text, which becomes the value `Message`, or a JSON object with `values` (name to
template; may be empty), `defaults` (variable to text) and `options` of the channel. A text that
begins with a placeholder, `{{`, is no object.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from shared.messages.templates import RenderingFailed, TemplateError, compile_template

__all__ = ["Content", "MalformedData", "NotRendered", "read_content"]

_MEMBERS = ("values", "defaults", "options")
_WAY_OUT = 'Give a text, or an object as in {"values": {"Message": "Hello"}}.'


class MalformedData(ValueError):
    """The campaign's Data cannot be used; the text names the member and the rule."""


class NotRendered(Exception):
    """The templates cannot be filled with an endpoint's values; others may be fine."""


@dataclass(frozen=True, slots=True)
class Content:
    """Templates by the name of their value, default substitutions, and the channel's options."""

    values: Mapping[str, str]
    defaults: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)

    def rendered(self, endpoint_id: str, endpoint: Mapping[str, Any]) -> dict[str, str]:
        """Return the values for one endpoint.

        Raises:
            NotRendered: a value of the endpoint cannot be used. Quotes no value.
        """
        variables = {**endpoint, "Id": endpoint_id}
        try:
            values = {
                name: compile_template(template).render(variables, self.defaults)
                for name, template in self.values.items()
            }
            "".join(values.values()).encode()
        except RenderingFailed as error:
            raise NotRendered(str(error)) from error
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            # A value that no rule foresaw, or half of a surrogate pair, which is no text.
            raise NotRendered(type(error).__name__) from error
        return values


@lru_cache(maxsize=64)
def read_content(data: str | None) -> Content:
    """Read the Data of a campaign, and compile its templates.

    Raises:
        MalformedData: it is empty, no such object, or a template cannot be read.
    """
    text = (data or "").strip()
    if not text:
        raise MalformedData(f"Data is missing: the campaign has no CustomMessage.Data. {_WAY_OUT}")
    if text.startswith("{") and not text.startswith("{{"):
        content = _object(text)
    else:
        content = Content({"Message": text})
    members = (content.values, content.defaults, content.options)
    try:
        "".join(part for member in members for item in member.items() for part in item).encode()
    except UnicodeEncodeError as error:
        raise MalformedData("Data has half of a surrogate pair, which is no text.") from error
    for name, template in content.values.items():
        try:
            compile_template(template)
        except TemplateError as error:
            raise MalformedData(f"The template of the value {name!r} of Data: {error}") from error
    return content


def _object(text: str) -> Content:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedData(f"Data begins as a JSON object and is none. {_WAY_OUT}") from error
    unknown = sorted(set(document) - set(_MEMBERS))
    if unknown:
        raise MalformedData(
            f"Data has the unknown member {unknown[0]!r}: the members are {', '.join(_MEMBERS)}."
        )
    for member in _MEMBERS:
        texts = document.get(member, {})
        if not isinstance(texts, dict) or not all(isinstance(t, str) for t in texts.values()):
            raise MalformedData(f"{member} of Data must be an object whose members are texts.")
    if "values" not in document:
        raise MalformedData(f"values of Data is missing. {_WAY_OUT}")
    return Content(document["values"], document.get("defaults", {}), document.get("options", {}))
