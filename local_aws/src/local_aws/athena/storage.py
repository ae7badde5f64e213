"""The objects that a query reads, as files that DuckDB reads, and what of them it reads."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
from ministack.services import s3

from local_aws.athena.access import require_object
from local_aws.athena.catalog import Table
from local_aws.athena.errors import QueryFailed
from local_aws.athena.hive import duckdb_type
from local_aws.athena.partition_values import NULL
from local_aws.athena.partitions import Object, Partition


def scratch() -> Path:
    """Where the copies are; they live as long as the server, one for each version of an object."""
    return Path(tempfile.gettempdir()) / "athena"


def clear() -> None:
    shutil.rmtree(scratch(), ignore_errors=True)
    _chunks.clear()


def files_of(table: Table, partitions: Iterable[Partition]) -> list[str]:
    """Copy what is not there yet; the paths carry the partitions' values."""
    return [
        _copy(table, _folder(table, partition), stored)
        for partition in partitions
        for stored in partition.objects
    ]


def _folder(table: Table, partition: Partition) -> Path:
    folder = scratch()
    for key, value in zip(table.keys, partition.values, strict=True):
        folder /= f"{key.name}={NULL if value is None else quote(value, safe=' -')}"
    return folder


def _copy(table: Table, folder: Path, stored: Object) -> str:
    require_object(stored.bucket, stored.key)
    # What is done to JSON depends on the SerDe.
    serde = repr(table.serde) if table.format == "json" else ""
    identity = f"{stored.bucket}/{stored.key}/{stored.etag}/{serde}"
    name = hashlib.sha256(identity.encode()).hexdigest()[:24]
    path = folder / f"{name}.{table.format}"
    if not path.exists():
        content = s3._get_object_data(stored.bucket, stored.key)
        if content is None:
            raise QueryFailed(f"HIVE_CANNOT_OPEN_SPLIT: s3://{stored.bucket}/{stored.key} is gone")
        if table.format != "parquet" and content.startswith(b"\x1f\x8b"):
            content = gzip.decompress(content)
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{id(content)}.part")
        part.write_bytes(_lower_keys(table, content) if table.format == "json" else content)
        part.replace(path)
    return str(path)


# -- JSON --------------------------------------------------------------------------------


def _lower_keys(table: Table, content: bytes) -> bytes:
    """Keys as the OpenX SerDe reads them.

    All of them are lower case, those of maps too, unless ``case.insensitive`` is false.
    """
    if not re.search(rb'"[^"\\]*[A-Z][^"\\]*"\s*:', content):
        return content
    if not table.serde_flag("case.insensitive", "true"):
        return content
    lines = []
    for line in content.splitlines():
        try:
            value = json.loads(line, object_pairs_hook=_lower_all)
            lines.append(json.dumps(value).encode())
        except ValueError:
            lines.append(line)
    return b"\n".join(lines)


def _lower_all(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {key.lower(): value for key, value in pairs}


# -- relations ---------------------------------------------------------------------------


@dataclass(frozen=True)
class _Chunks:
    """The columns of a Parquet file (``a, b`` is the field b of a) and their sizes in bytes."""

    columns: tuple[tuple[str, str], ...]  # path and physical type
    sizes: tuple[int, ...]


# By path. What is on a path never changes: the name holds the object's ETag.
_chunks: dict[str, _Chunks] = {}


def _chunks_of(connection: duckdb.DuckDBPyConnection, files: list[str]) -> list[_Chunks]:
    if new := [path for path in files if path not in _chunks]:
        rows = connection.execute(
            "SELECT file_name, list((lower(path), type) ORDER BY path), list(size ORDER BY path) "
            "FROM (SELECT file_name, path_in_schema AS path, first(type) AS type, "
            "sum(total_compressed_size) AS size FROM parquet_metadata(?) GROUP BY ALL) "
            "GROUP BY ALL",
            [new],
        ).fetchall()
        shapes: dict[Any, Any] = {}
        for name, columns, sizes in rows:
            shape = tuple(columns)
            _chunks[name] = _Chunks(shapes.setdefault(shape, shape), tuple(map(int, sizes)))
    # A file without rows has no chunks.
    return [_chunks.get(path, _Chunks((), ())) for path in files]


def relation(connection: duckdb.DuckDBPyConnection, table: Table, files: list[str]) -> str:
    """A query with the table's columns, in their types and order, over the files."""
    alike = (
        table.format == "parquet"
        and len({chunks.columns for chunks in _chunks_of(connection, files)}) == 1
    )
    source = _source(table, files, alike)
    described = {
        name.lower(): (name, str(kind))
        for name, kind, *_ in connection.execute(f"SELECT * FROM {source} LIMIT 0").description
    }
    columns = []
    for column in (*table.columns, *table.keys):
        wanted, name = str(duckdb.type(duckdb_type(column.type))), column.name.replace('"', '""')
        found = described.get(column.name)
        if found is None:
            columns.append(f'CAST(NULL AS {wanted}) AS "{name}"')
        elif found[1] == wanted:
            columns.append(f'"{found[0]}" AS "{name}"')
        else:
            columns.append(f'CAST("{found[0]}" AS {wanted}) AS "{name}"')
    return f"SELECT {', '.join(columns)} FROM {source}"


def _source(table: Table, files: list[str], alike: bool) -> str:
    """``alike``: the files have the same columns, so that one of them tells the types of all."""
    paths = "[" + ", ".join("'" + path.replace("'", "''") + "'" for path in files) + "]"
    hive = "hive_partitioning = false"
    if table.keys:
        types = ", ".join(f"'{key.name}': {duckdb_type(key.type)}" for key in table.keys)
        hive = f"hive_partitioning = true, hive_types = {{{types}}}"
    match table.format:
        case "parquet":
            return f"read_parquet({paths}, union_by_name = {str(not alike).lower()}, {hive})"
        case "json":
            ignored = table.serde_flag("ignore.malformed.json", "false")
            columns = ", ".join(f"'{c.name}': '{duckdb_type(c.type)}'" for c in table.columns)
            return (
                f"read_json({paths}, format = 'newline_delimited', columns = {{{columns}}}, "
                f"ignore_errors = {str(ignored).lower()}, "
                f"{hive})"
            )
    raise QueryFailed(f"NOT_SUPPORTED: tables in the format {table.format} (local AWS)")


def bytes_read(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    partitions: list[Partition],
    files: list[str],
    columns: set[str],
) -> int:
    """What Athena reads: of Parquet the chunks of the columns (``a.b`` is a field), else all."""
    if table.format != "parquet":
        return sum(o.size for p in partitions for o in p.objects)
    keys = {key.name for key in table.keys}
    wanted = [c.lower().replace(".", ", ") for c in columns if c.lower() not in keys]
    read: dict[Any, list[int]] = {}
    total = 0
    for chunks in _chunks_of(connection, files):
        if chunks.columns not in read:
            read[chunks.columns] = [
                i
                for i, (path, _) in enumerate(chunks.columns)
                if any(path == c or path.startswith(f"{c}, ") for c in wanted)
            ]
        total += sum(chunks.sizes[i] for i in read[chunks.columns])
    return total
