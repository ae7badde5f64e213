"""JSON as the OpenX SerDe reads it: which values a column takes, and what becomes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_aws.patches.firehose.conversion import Column, Converter, Malformed


def converter(**columns: str) -> Converter:
    return Converter([Column(name, kind) for name, kind in columns.items()], {}, "SNAPPY")


def read(kind: str, value: Any) -> Any:
    """The value as a column of the type holds it, as JSON for the writer."""
    [row] = converter(c=kind).rows(json.dumps({"c": value}).encode())
    return json.loads(row)["c"]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("string", 1, "1"),
        ("string", 1.5, "1.5"),
        ("string", True, "true"),
        ("string", {"a": [1]}, '{"a":[1]}'),
        ("string", "a\x00b", "a\x00b"),
        ("bigint", "42", 42),
        ("bigint", 1.0, 1),
        ("bigint", 9223372036854775807, 9223372036854775807),
        ("double", "1e3", 1000.0),
        ("double", 1, 1.0),
        ("boolean", "TRUE", True),
        ("decimal(10,2)", 12.345, "12.35"),
        ("decimal(10,2)", "-0.005", "-0.01"),
        ("timestamp", "2026-03-02T17:00:21.380Z", "2026-03-02 17:00:21.380000"),
        ("timestamp", "2026-03-02 19:00:21+02:00", "2026-03-02 17:00:21.000000"),
        ("timestamp", 1772470821380, "2026-03-02 17:00:21.380000"),
        ("timestamp", 1772470821, "2026-03-02 17:00:21.000000"),
        ("date", "2026-03-02", "2026-03-02"),
        ("array<int>", 1, [1]),
        ("array<int>", "", None),
        ("array<string>", [None, 1], [None, "1"]),
        ("map<string,int>", {"a": "1"}, {"a": 1}),
        ("map<string,array<string>>", {"a": None, "b": []}, {"a": None, "b": []}),
        ("struct<a:int,b:string>", {"b": 1, "x": 2}, {"a": None, "b": "1"}),
        ("struct<a:int>", " ", None),
        ("array<struct<a:map<string,string>>>", [{"a": {"k": 1}}], [{"a": {"k": "1"}}]),
    ],
)
def test_a_value_is_taken_for_what_its_column_is(kind: str, value: Any, expected: Any) -> None:
    assert read(kind, value) == expected
    assert read(kind, None) is None


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int", "many"),
        ("int", 2**31),
        ("int", 1.5),
        ("int", True),
        ("double", {}),
        ("boolean", 1),
        ("decimal(4,2)", 100),
        ("decimal(4,2)", "NaN"),
        ("timestamp", "yesterday"),
        ("date", "2026-13-01"),
        ("map<string,int>", [1]),
        ("struct<a:int>", "text"),
        ("struct<a:struct<b:int>>", {"a": {"b": "x"}}),
    ],
)
def test_a_value_that_its_column_cannot_hold_makes_the_record_malformed(
    kind: str, value: Any
) -> None:
    with pytest.raises(Malformed) as malformed:
        read(kind, value)

    assert malformed.value.code == "DataFormatConversion.MalformedData"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "MalformedData"),
        (b" \n", "MalformedData"),
        (b"1", "MalformedData"),
        (b"[{}]", "MalformedData"),
        (b'{"c": NaN}', "ParseError"),
        (b'{"c": 1} x', "ParseError"),
        (b'{"c": "\xff"}', "ParseError"),
        (b'{"C": 1, "c": 2}', "ParseError"),
        (b"[" * 100_000, "ParseError"),
    ],
)
def test_what_is_no_json_object_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(Malformed) as malformed:
        converter(c="string").rows(data)

    assert malformed.value.code == f"DataFormatConversion.{code}"


def test_a_record_may_hold_several_documents() -> None:
    rows = converter(c="int").rows(b'{"c":1}{"C":2}\n\n {"c":3}\n')

    assert [json.loads(row)["c"] for row in rows] == [1, 2, 3]


def test_keys_can_be_mapped_and_dots_replaced() -> None:
    openx = {"ColumnToJsonKeyMappings": {"at": "Timestamp"}}
    dotted = {"ConvertDotsInJsonKeysToUnderscores": True}
    columns = [Column("at", "string"), Column("a_b", "string")]

    [mapped] = Converter(columns, openx | dotted, "GZIP").rows(b'{"timestamp": "x", "a.b": 1}')

    assert json.loads(mapped) == {"at": "x", "a_b": "1"}


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(JSON_VALUES, min_size=1, max_size=4))
def test_whatever_is_not_malformed_can_be_written_and_read_back(
    tmp_path_factory: pytest.TempPathFactory, values: list[Any]
) -> None:
    made = converter(s="string", m="map<string,string>", a="array<string>", d="double")
    rows = []
    for value in values:
        try:
            rows += made.rows(json.dumps(dict.fromkeys("smad", value)).encode())
            rows += made.rows(json.dumps({"s": value, "a": value}).encode())
        except Malformed:
            rows.append('{"s":null,"m":null,"a":null,"d":null}')

    body = made.parquet(rows)

    path = Path(tmp_path_factory.getbasetemp(), "round.parquet")
    path.write_bytes(body)
    back = duckdb.execute(f"SELECT s, a FROM read_parquet('{path}')").fetchall()
    assert back == [(json.loads(row)["s"], json.loads(row)["a"]) for row in rows]
