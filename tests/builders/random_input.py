"""Hypothesis strategies for input that outsiders write, and the settings of the fuzz tests."""

from __future__ import annotations

from typing import Any

from botocore.loaders import Loader
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

MODEL = Loader().load_service_model("pinpoint", "service-2", "2016-12-01")
USUAL = "any-machine"  # the profile of tests/conftest.py for CI and every day
# Half of a surrogate pair: JSON can write it, and UTF-8 cannot.
HALF_PAIR = "\ud83d"


def fuzz(examples: int) -> settings:
    """Return the settings of a fuzz test: `examples` of them, or the number of the profile that
    `--hypothesis-profile=longer` chooses."""
    if settings.get_current_profile_name() != USUAL:
        examples = settings().max_examples
    return settings(
        max_examples=examples,
        suppress_health_check=list(HealthCheck),
    )


# -- texts, numbers, JSON ----------------------------------------------------------------

ODD_TEXTS = [
    *("", " ", "0", "-1", "null", "None", "NaN", "1e999999999", "1_000", "4.479E+11", "#REF!"),
    *("x" * 99, "x" * 101, "ü" * 600, "👋🏽", "e\u0301", "ﷺ", "\u202eabc", "a\u2028b", "\ufeffa"),
    *("a,b", "a;b", 'say "hi"', "'", "a\tb", "a\nb", "a\r\nb", "\x00", "\x1f", "=1+1", "\\", "|"),
    *("{{Attributes.a}}", "{{#if}", "{{{", "<b>&amp;</b>", "<speak>", "%s", "${x}", "a\\,b"),
    *("['a', 'b']", '["a","b"]', "a|b", "2026-02-30", "2030-01-01T00:00:00Z", "0001-01-01"),
]
TEXTS = st.sampled_from(ODD_TEXTS) | st.text(max_size=12)
ODD_NUMBERS = st.sampled_from(
    [0, 1, -1, 0.5, -0.0, 1e308, 5e-324, 2**31, 2**63, 10**40, 10**400, 123456789012345678]
)
WHOLE_TEXTS = TEXTS | st.just(HALF_PAIR)


def json_values(texts: st.SearchStrategy[str] = WHOLE_TEXTS) -> st.SearchStrategy[Any]:
    """JSON values of any type, nested a little, as `json.loads` gives them."""
    scalars = st.none() | st.booleans() | ODD_NUMBERS | texts
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
        max_leaves=6,
    )


def changed(draw: Any, value: Any, likely: int = 6) -> Any:
    """Return a JSON value in which members are missing, odd, or of another type.

    Args:
        likely: one member of so many is changed.
    """
    if draw(st.integers(0, likely - 1)) == 0:
        return draw(json_values())
    if isinstance(value, dict):
        kept = {
            name: changed(draw, one, likely)
            for name, one in value.items()
            if draw(st.integers(0, 2 * likely)) > 0
        }
        return kept | (draw(st.dictionaries(TEXTS, json_values(), max_size=1)))
    if isinstance(value, list):
        return [changed(draw, one, likely) for one in value]
    return value


# -- requests by the model of the API ----------------------------------------------------

NUMBERS = st.sampled_from(
    [0, 1, -1, 5, 50, 100, 101, 60, 0.5, 1e308, 2**31 - 1, 2**31, 2**63, -0.0]
)
WRONG: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 7, "x", [], {}, [None], {"": None}, [[]], {"a": {"b": []}}]
)


@st.composite
def model_values(draw: Any, name: str, texts: st.SearchStrategy[str], depth: int = 0) -> Any:
    """A value of a shape of the model; one in twelve is of another type."""
    if draw(st.integers(0, 11)) == 0:
        return draw(WRONG)
    shape = MODEL["shapes"][name]
    match shape["type"]:
        case "structure":
            members = {
                one.get("locationName", member): one["shape"]
                for member, one in shape["members"].items()
            }
            most = 8 if depth == 0 else 4 if depth < 3 else 1
            chosen = set(draw(st.lists(st.sampled_from(sorted(members)), max_size=most)))
            chosen |= set(shape.get("required", [])) & set(members)
            return {
                member: draw(model_values(members[member], texts, depth + 1))
                for member in sorted(chosen)
            }
        case "list":
            count = draw(st.integers(0, 2))
            return [
                draw(model_values(shape["member"]["shape"], texts, depth + 1)) for _ in range(count)
            ]
        case "map":
            keys = draw(st.lists(texts, max_size=2))
            return {
                key: draw(model_values(shape["value"]["shape"], texts, depth + 1)) for key in keys
            }
        case "boolean":
            return draw(st.booleans())
        case "integer" | "long" | "double":
            return draw(NUMBERS)
    return draw(st.sampled_from(shape["enum"]) if "enum" in shape else texts)
