data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account_id    = data.aws_caller_identity.current.account_id
  kms_key_arn   = one(var.operations.kms_key[*].arn)
  partition     = data.aws_partition.current.partition
  region        = data.aws_region.current.id
  database_name = var.database_name == null ? replace(var.name, "-", "_") : var.database_name

  events_prefix = "events/"
  errors_prefix = "errors/"
  hour          = "yyyy/MM/dd/HH"

  # Firehose stream => its source. Services and the replay function write to `direct`.
  streams = merge({ direct = null }, var.event_stream == null ? {} : { stream = var.event_stream.stream_arn })

  # First hour of the partitions. A query without a condition on ingest_hour lists every hour from
  # it on. No event is older than Firehose's role, whose date of creation never changes. No event is
  # older than the lifecycle rule allows: once the module is older, a plan shows the range updated.
  created_at = aws_iam_role.firehose.create_date
  is_older = (
    var.retention.events_days == null
    ? false
    : timecmp(local.created_at, timeadd(plantimestamp(), "-${24 * (var.retention.events_days + 1)}h")) < 0
  )
  default_first_hour = (
    local.is_older
    ? "NOW-${coalesce(var.retention.events_days, 0) + 1}DAYS"
    : formatdate("YYYY/MM/DD/00", local.created_at)
  )
  first_hour = var.events_since == null ? local.default_first_hour : "${replace(var.events_since, "-", "/")}/00"

  environment = {
    ERROR_PREFIX  = local.errors_prefix
    EVENTS_BUCKET = module.events_bucket.bucket_name
  }
}

module "events_bucket" {
  source = "../bucket"

  name = "${var.name}-events"
  expiration_days = merge(
    { (local.errors_prefix) = var.retention.errors_days },
    var.retention.events_days == null ? {} : { (local.events_prefix) = var.retention.events_days },
  )
  force_destroy = var.force_destroy
  operations    = var.operations
}

resource "aws_glue_catalog_database" "this" {
  name        = local.database_name
  description = "Engagement events of ${var.name}."

  tags = var.operations.tags
}

resource "aws_glue_catalog_table" "events" {
  name          = var.table_name
  database_name = aws_glue_catalog_database.this.name
  description   = "Events as received. Duplicates are possible; the views leave them out."
  table_type    = "EXTERNAL_TABLE"

  # Partition projection: Athena computes partitions from the query, without a crawler or a
  # statement per hour.
  parameters = {
    EXTERNAL                               = "TRUE"
    classification                         = "parquet"
    "parquet.compression"                  = "SNAPPY"
    "projection.enabled"                   = "true"
    "projection.ingest_hour.type"          = "date"
    "projection.ingest_hour.format"        = local.hour
    "projection.ingest_hour.interval"      = "1"
    "projection.ingest_hour.interval.unit" = "HOURS"
    "projection.ingest_hour.range"         = "${local.first_hour},NOW+1HOURS"
    "storage.location.template"            = "s3://${module.events_bucket.bucket_name}/${local.events_prefix}$${ingest_hour}/"
  }

  storage_descriptor {
    location      = "s3://${module.events_bucket.bucket_name}/${local.events_prefix}"
    input_format  = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"

    ser_de_info {
      serialization_library = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
      parameters            = { "serialization.format" = "1" }
    }

    dynamic "columns" {
      for_each = var.columns

      content {
        name    = columns.value.name
        type    = columns.value.type
        comment = columns.value.comment
      }
    }
  }

  # A string: Athena reads a projected value as a value of the key's type, and a text of this format
  # is no timestamp of Hive (HIVE_INVALID_PARTITION_VALUE).
  partition_keys {
    name    = "ingest_hour"
    type    = "string"
    comment = "Hour (UTC) in which Firehose took the event in, as ${local.hour}."
  }
}

module "transform_function" {
  source = "../lambda_function"

  name            = "${var.name}-transform"
  description     = "Transforms the records of Firehose to rows of ${var.table_name}."
  handler         = "${var.python_package}.functions.transform.lambda_handler"
  package         = var.package
  environment     = local.environment
  policies        = { errors = data.aws_iam_policy_document.transform.json }
  kms_actions     = ["kms:GenerateDataKey"]
  timeout_seconds = 120 # Firehose waits five minutes
  memory_mb       = 1024
  operations      = var.operations
}

module "replay_function" {
  source = "../lambda_function"

  name            = "${var.name}-replay"
  description     = "Sends records that could not be read or written to Firehose again; invoked by an operator."
  handler         = "${var.python_package}.functions.replay.lambda_handler"
  package         = var.package
  environment     = merge(local.environment, { FIREHOSE_NAME = aws_kinesis_firehose_delivery_stream.this["direct"].name })
  policies        = { replay = data.aws_iam_policy_document.replay.json }
  kms_actions     = ["kms:Decrypt"]
  timeout_seconds = 900
  memory_mb       = 512
  operations      = var.operations
}

# Log of Firehose about failed deliveries and failed invocations.
resource "aws_cloudwatch_log_group" "delivery" {
  #checkov:skip=CKV_AWS_338:The caller decides how long logs are kept; they hold errors, not evidence that has to last a year.
  #checkov:skip=CKV_AWS_158:CloudWatch Logs encrypts with its own key; a customer managed one is used when kms_key is given.
  name              = "/aws/kinesisfirehose/${var.name}"
  retention_in_days = var.operations.log_retention_days
  kms_key_id        = local.kms_key_arn

  tags = var.operations.tags
}

resource "aws_cloudwatch_log_stream" "delivery" {
  for_each = local.streams

  name           = each.key
  log_group_name = aws_cloudwatch_log_group.delivery.name
}

resource "aws_kinesis_firehose_delivery_stream" "this" {
  for_each = local.streams

  #checkov:skip=CKV_AWS_240:What is written directly is encrypted; what comes from a Kinesis stream is encrypted by that stream.
  #checkov:skip=CKV_AWS_241:AWS owns the key unless kms_key is given.
  name        = "${var.name}-${each.key}"
  destination = "extended_s3"

  dynamic "kinesis_source_configuration" {
    for_each = each.key == "stream" ? [each.value] : []

    content {
      kinesis_stream_arn = kinesis_source_configuration.value
      role_arn           = aws_iam_role.firehose.arn
    }
  }

  dynamic "server_side_encryption" {
    for_each = each.key == "direct" ? ["direct"] : []

    content {
      enabled  = true
      key_type = var.operations.kms_key == null ? "AWS_OWNED_CMK" : "CUSTOMER_MANAGED_CMK"
      key_arn  = local.kms_key_arn
    }
  }

  extended_s3_configuration {
    role_arn            = aws_iam_role.firehose.arn
    bucket_arn          = module.events_bucket.bucket_arn
    prefix              = "${local.events_prefix}!{timestamp:${local.hour}}/"
    error_output_prefix = "${local.errors_prefix}!{firehose:error-output-type}/!{timestamp:${local.hour}}/"
    buffering_interval  = var.buffer_seconds
    buffering_size      = 64 # the least that format conversion allows
    kms_key_arn         = local.kms_key_arn

    cloudwatch_logging_options {
      enabled         = true
      log_group_name  = aws_cloudwatch_log_group.delivery.name
      log_stream_name = aws_cloudwatch_log_stream.delivery[each.key].name
    }

    processing_configuration {
      enabled = true

      processors {
        type = "Lambda"

        parameters {
          parameter_name  = "LambdaArn"
          parameter_value = "${module.transform_function.function_arn}:$LATEST"
        }

        # Firehose accepts the two buffer hints only together, and the provider drops a hint that has
        # its default value (60 seconds, 1 MB), so that every plan would show a change.
        parameters {
          parameter_name  = "BufferSizeInMBs"
          parameter_value = "0.9"
        }

        parameters {
          parameter_name  = "BufferIntervalInSeconds"
          parameter_value = "5"
        }
      }
    }

    data_format_conversion_configuration {
      input_format_configuration {
        deserializer {
          # By default the SerDe lower-cases the keys of maps too, and tag names are case-sensitive.
          open_x_json_ser_de {
            case_insensitive = false
          }
        }
      }

      output_format_configuration {
        serializer {
          parquet_ser_de {
            compression = "SNAPPY"
          }
        }
      }

      schema_configuration {
        database_name = aws_glue_catalog_database.this.name
        table_name    = aws_glue_catalog_table.events.name
        role_arn      = aws_iam_role.firehose.arn
      }
    }
  }

  tags = var.operations.tags

  # Firehose checks the role when it is created, and still needs it for records that arrive during
  # its deletion.
  depends_on = [aws_iam_role_policy.firehose, aws_iam_role_policy.event_stream]
}
