"""The objects that Firehose makes of a batch: joined or converted records, and error records."""

from __future__ import annotations

import gzip
import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
from ministack.core.responses import get_account_id, get_region
from ministack.services import firehose, glue

from local_aws.patches.firehose.conversion import MISMATCH, Column, Converter, Malformed
from local_aws.patches.firehose.records import (
    CONVERSION_FAILED,
    SERVICE,
    Failure,
    Outgoing,
    Refused,
    S3Object,
)
from local_aws.patches.service_access import role_allows, role_trusts

REQUIRED = (
    "ministack.core.responses.get_account_id",
    "ministack.core.responses.get_region",
    "ministack.services.firehose._DeliveryError",
    "ministack.services.firehose._evaluate_prefix",
    "ministack.services.firehose._java_time",
    "ministack.services.firehose._metadata_extraction_keys",
    "ministack.services.firehose._s3_bucket_from_arn",
    "ministack.services.glue._tables",
)

logger = logging.getLogger("local_aws.firehose")

Json = dict[str, Any]
GLUE_ACTIONS = ("glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions")


def require(
    stream_arn: str, role: str, actions: tuple[str, ...], resources: tuple[str, ...], code: str
) -> None:
    """Raise Refused, with the code, unless the role serves the stream for all of it."""
    if not role_trusts(role, SERVICE, stream_arn):
        raise Refused(code, f"{SERVICE} cannot assume {role}")
    for action in actions:
        for resource in resources:
            if not role_allows(role, action, resource):
                raise Refused(code, f"{role} is not allowed to {action} on {resource}")


@dataclass(frozen=True)
class ObjectMaker:
    """How one destination (or backup) of a stream writes."""

    description: Json  # of the stream
    config: Json  # of the destination
    delimiter: bytes  # after each record that is not converted
    count: Callable[..., None]  # a metric: name, value, unit

    def made_of(self, batch: list[Outgoing]) -> list[S3Object]:
        """The objects of a batch: one for each prefix, and one for each kind of failure.

        Raises:
            Refused: the table cannot be read; nothing was made.
        """
        conversion = self.config.get("DataFormatConversionConfiguration") or {}
        good = [item for item in batch if not item.failure]
        failed = [item for item in batch if item.failure]
        made: list[S3Object] = []
        keyed: list[tuple[str, Outgoing]] = []
        # The time in a prefix is that of the oldest record.
        clock = _clock(self.config, min((item.record.arrived for item in good), default=0.0))
        shared = self._prefix(None, clock) if "!{partitionKey" not in self._template else None
        for item in good:
            try:
                keyed.append((shared or self._prefix(item, clock), item))
            except firehose._DeliveryError as error:
                code = error.code or "DynamicPartitioning.MetadataExtractionFailed"
                failure = Failure(error.output_type, code, error.message)
                failed.append(replace(item, failure=failure))
        for prefix, group in groupby(sorted(keyed, key=_first), _first):
            items = [item for _, item in group]
            if conversion and conversion.get("Enabled", True):
                body, unfit = self._converted(items, conversion)
                failed += unfit
                extension = ".parquet"
            else:
                body, extension = self._joined(items)
                unfit = []
            if body:
                extension = self.config.get("FileExtension") or extension
                count = len(items) - len(unfit)
                made.append(self._object(prefix, items, body, extension, count))
        for kind, errors in groupby(sorted(failed, key=_kind), _kind):
            made.append(self._error_object(kind, list(errors)))
        return made

    @property
    def _template(self) -> str:
        return self.config.get("Prefix") or ""

    def _prefix(self, item: Outgoing | None, clock: time.struct_time) -> str:
        from_query = None
        if item and (self.config.get("DynamicPartitioningConfiguration") or {}).get("Enabled"):
            from_query = firehose._metadata_extraction_keys(self.config, item.data)
        from_function = item.partition_keys if item else {}
        return str(firehose._evaluate_prefix(self._template, clock, from_query, from_function))

    def _object(
        self,
        prefix: str,
        items: list[Outgoing],
        body: bytes,
        extension: str,
        count: int,
    ) -> S3Object:
        oldest = min(item.record.arrived for item in items)
        moment = firehose._java_time("yyyy-MM-dd-HH-mm-ss", _clock(self.config, oldest))
        name = f"{self.description['name']}-{self.description['version']}-{moment}-{uuid.uuid4()}"
        bucket = firehose._s3_bucket_from_arn(self.config.get("BucketARN", ""))
        return S3Object(bucket, f"{prefix}{name}{extension}", body, count, oldest)

    def _error_object(self, kind: str, items: list[Outgoing]) -> S3Object:
        body = b"".join(item.failure.line(item.record) for item in items if item.failure)
        moment = _clock(self.config, min(item.record.arrived for item in items))
        if self.config.get("ErrorOutputPrefix"):
            template = self.config["ErrorOutputPrefix"]
            prefix = firehose._evaluate_prefix(template, moment, error_type=kind)
        else:
            hour = firehose._java_time("yyyy/MM/dd/HH/", moment)
            prefix = f"{self._template}{kind}/{hour}"
        return self._object(prefix, items, body, "", 0)

    def _joined(self, items: list[Outgoing]) -> tuple[bytes, str]:
        body = b"".join(item.data + self.delimiter for item in items)
        if self.config.get("CompressionFormat") == "GZIP":
            return gzip.compress(body), ".gz"
        return body, ""

    def _converted(self, items: list[Outgoing], conversion: Json) -> tuple[bytes, list[Outgoing]]:
        """A Parquet file of the items that can be converted, and the others, with the reason."""
        schema = conversion.get("SchemaConfiguration") or {}
        table = {
            "catalogId": schema.get("CatalogId") or get_account_id(),
            "databaseName": schema.get("DatabaseName"),
            "tableName": schema.get("TableName"),
            "region": schema.get("Region") or get_region(),
            "versionId": schema.get("VersionId", "LATEST"),
        }

        def failed(item: Outgoing, error: Malformed) -> Outgoing:
            failure = Failure(
                CONVERSION_FAILED, error.code, error.message, 1, {"dataCatalogTable": table}
            )
            # What is reported is what came out of the function.
            return Outgoing(replace(item.record, data=item.data), item.data, failure=failure)

        unfit: list[Outgoing] = []
        try:
            converter = self._converter(conversion, schema)
        except Malformed as error:
            return b"", [failed(item, error) for item in items]
        rows: list[tuple[Outgoing, list[str]]] = []
        for item in items:
            try:
                rows.append((item, converter.rows(item.data)))
            except Malformed as error:
                unfit.append(failed(item, error))
        body = b""
        try:
            body = _parquet(converter, rows) if rows else b""
        except duckdb.Error:
            # One of the records holds what the writer cannot take: find out which.
            fit = []
            for item, lines in rows:
                try:
                    converter.parquet(lines)
                    fit.append((item, lines))
                except duckdb.Error as error:
                    logger.warning("%s: %s", self.description["arn"], error)
                    unfit.append(failed(item, Malformed(*MISMATCH)))
            body = _parquet(converter, fit) if fit else b""
        self.count("SucceedConversion.Records", len(items) - len(unfit))
        if unfit:
            self.count("FailedConversion.Records", len(unfit))
            size = sum(item.size for item in unfit)
            self.count("FailedConversion.Bytes", size, "Bytes")
        return body, unfit

    def _converter(self, conversion: Json, schema: Json) -> Converter:
        role = schema.get("RoleARN") or self.config.get("RoleARN", "")
        database, table = schema.get("DatabaseName", ""), schema.get("TableName", "")
        base = f"arn:aws:glue:{schema.get('Region') or get_region()}:{get_account_id()}"
        resources = (
            f"{base}:catalog",
            f"{base}:database/{database}",
            f"{base}:table/{database}/{table}",
        )
        code = "DataFormatConversion.AccessDenied"
        require(self.description["arn"], role, GLUE_ACTIONS, resources, code)
        found = glue._tables.get(f"{database}/{table}") or {}
        columns = (found.get("StorageDescriptor") or {}).get("Columns") or []
        if not columns:
            raise Malformed(
                "EntityNotFound",
                "The specified table/database could not be found. Please ensure that the "
                "table/database exists and that the values provided in the schema configuration "
                "are correct, especially with regards to casing.",
            )
        serializer = (conversion.get("OutputFormatConfiguration") or {}).get("Serializer") or {}
        if "ParquetSerDe" not in serializer:
            raise Malformed("ConversionFailureException", "ConversionFailureException")
        reader = (conversion.get("InputFormatConfiguration") or {}).get("Deserializer") or {}
        return Converter(
            [Column(column["Name"], column.get("Type", "string")) for column in columns],
            reader.get("OpenXJsonSerDe") or {},
            (serializer["ParquetSerDe"] or {}).get("Compression", "SNAPPY"),
        )


def _first(pair: tuple[str, Outgoing]) -> str:
    return pair[0]


def _kind(item: Outgoing) -> str:
    return item.failure.kind if item.failure else ""


def _clock(config: Json, seconds: float) -> time.struct_time:
    zone = ZoneInfo(config["CustomTimeZone"]) if config.get("CustomTimeZone") else UTC
    return datetime.fromtimestamp(seconds, zone).timetuple()


def _parquet(converter: Converter, rows: list[tuple[Outgoing, list[str]]]) -> bytes:
    return converter.parquet([line for _, lines in rows for line in lines])
