"""Makes `service_model.json` from botocore's model of the Pinpoint API.

The function reads the small file and not botocore's: a quarter of the bytes, and no gzip, so that a
cold start does not pay for documentation. Run `python -m engagement_hub.api.service_model_source`
(with lambda_src on the path) after updating botocore; a test fails until that is done.
"""

import json
from pathlib import Path
from typing import Any

TARGET = Path(__file__).with_name("service_model.json")

_SCALARS = frozenset(
    {"string", "boolean", "double", "integer", "long", "timestamp", "blob", "float"}
)


def compact(model: dict[str, Any]) -> dict[str, Any]:
    """Reduce a botocore service model to the parts that the API needs.

    Returns:
        operations: name → {method, path, status, body, query, answer}; `body` and `answer` are
            shape names or None, `query` maps a query parameter's name to its shape.
        shapes: name → {type, …}: `members` and `required` of structures by the names on the wire,
            `member` of lists, `value` of maps, `enum` of strings. Only shapes that are reached.
    """
    shapes: dict[str, Any] = {}
    operations = {
        name: _operation(model, operation, shapes)
        for name, operation in sorted(model["operations"].items())
    }
    return {"operations": operations, "shapes": dict(sorted(shapes.items()))}


def _operation(
    model: dict[str, Any], operation: dict[str, Any], shapes: dict[str, Any]
) -> dict[str, Any]:
    http = operation["http"]
    request = model["shapes"].get(operation.get("input", {}).get("shape"), {"members": {}})
    query = {
        member["locationName"]: member["shape"]
        for member in request["members"].values()
        if member.get("location") == "querystring"
    }
    for shape in query.values():
        _collect(model, shape, shapes)
    return {
        "method": http["method"],
        "path": http["requestUri"],
        "status": http["responseCode"],
        "body": _payload(model, request, shapes),
        "query": query,
        "answer": _payload(
            model, model["shapes"].get(operation.get("output", {}).get("shape"), {}), shapes
        ),
    }


def _payload(model: dict[str, Any], shape: dict[str, Any], shapes: dict[str, Any]) -> str | None:
    member = shape.get("payload")
    if member is None:
        return None
    name: str = shape["members"][member]["shape"]
    _collect(model, name, shapes)
    return name


def _collect(model: dict[str, Any], name: str, shapes: dict[str, Any]) -> None:
    if name in shapes:
        return
    shape = model["shapes"][name]
    small: dict[str, Any] = {"type": shape["type"]}
    shapes[name] = small
    if shape["type"] == "structure":
        members = shape["members"]
        wire = {member: one.get("locationName", member) for member, one in members.items()}
        small["members"] = {wire[member]: one["shape"] for member, one in members.items()}
        if shape.get("required"):
            small["required"] = [wire[member] for member in shape["required"]]
        for one in members.values():
            _collect(model, one["shape"], shapes)
    elif shape["type"] in ("list", "map"):
        part = "member" if shape["type"] == "list" else "value"
        small[part] = shape[part]["shape"]
        _collect(model, small[part], shapes)
    elif shape["type"] not in _SCALARS:
        raise ValueError(f"shape {name} is of type {shape['type']}, which the API does not know")
    elif "enum" in shape:
        small["enum"] = shape["enum"]


def text_of(model: dict[str, Any]) -> str:
    """Return the file's content, one operation or shape a line so that a diff can be read."""
    compacted = compact(model)
    lines = []
    for part in ("operations", "shapes"):
        entries = ",\n".join(
            f"{json.dumps(name)}: {json.dumps(value)}" for name, value in compacted[part].items()
        )
        lines.append(f'"{part}": {{\n{entries}\n}}')
    return "{" + ",\n".join(lines) + "}\n"


def installed_model() -> dict[str, Any]:
    """Return the model that the installed botocore has."""
    from botocore.loaders import Loader

    model: dict[str, Any] = Loader().load_service_model("pinpoint", "service-2", "2016-12-01")
    return model


if __name__ == "__main__":
    TARGET.write_text(text_of(installed_model()), encoding="utf-8")
