"""Athena's SQL on DuckDB.

``dialect`` turns Trino SQL into DuckDB's, ``unnest`` its UNNEST, ``resolve`` its table names by
the catalog (``catalog``), ``dereference`` its fields of rows; ``partitions`` finds a table's
partitions and objects, ``partition_values`` reads their values, ``pruning`` what of them a query
reads, ``storage`` brings that to DuckDB, ``formatting`` prints values as Athena does,
``statements`` creates views, and ``engine`` puts it together.
"""

REQUIRED = (
    "ministack.core.iam_evaluator._verified_key",
    "ministack.core.iam_evaluator.enforce",
    "ministack.core.responses.get_account_id",
    "ministack.core.responses.get_region",
    "ministack.services.firehose._hive_to_duckdb_type",
    "ministack.services.glue._create_table",
    "ministack.services.glue._databases",
    "ministack.services.glue._partitions",
    "ministack.services.glue._tables",
    "ministack.services.glue._update_table",
    "ministack.services.s3._buckets",
    "ministack.services.s3._get_object_data",
)
