"""The AWS provider against Firehose and SES of the local AWS: nothing drifts, nothing is left."""

from pathlib import Path

from builders.local_server import LocalServer
from builders.terraform import terraform_on

RESOURCES = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {
  region = "us-east-1"
}

data "aws_caller_identity" "this" {}

resource "aws_s3_bucket" "events" {
  bucket        = "events"
  force_destroy = true
}

resource "aws_kms_key" "this" {
  enable_key_rotation = true
}

resource "aws_cloudwatch_log_group" "errors" {
  name = "/aws/kinesisfirehose/events"
}

resource "aws_cloudwatch_log_stream" "errors" {
  name           = "S3Delivery"
  log_group_name = aws_cloudwatch_log_group.errors.name
}

resource "aws_glue_catalog_database" "this" {
  name = "events"
}

resource "aws_glue_catalog_table" "this" {
  name          = "events"
  database_name = aws_glue_catalog_database.this.name
  table_type    = "EXTERNAL_TABLE"
  parameters = {
    "projection.enabled" = "true"
  }

  storage_descriptor {
    location      = "s3://${aws_s3_bucket.events.bucket}/events/"
    input_format  = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"

    ser_de_info {
      serialization_library = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
    }

    columns {
      name = "eventtype"
      type = "string"
    }
  }
}

data "aws_iam_policy_document" "trust" {
  for_each = toset(["firehose", "ses"])

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["${each.key}.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.this.account_id]
    }
  }
}

resource "aws_iam_role" "delivery" {
  name               = "delivery"
  assume_role_policy = data.aws_iam_policy_document.trust["firehose"].json
}

resource "aws_iam_role_policy" "delivery" {
  role = aws_iam_role.delivery.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["s3:*", "glue:*", "logs:*", "kms:*", "kinesis:*", "lambda:*"]
      Resource = "*"
    }]
  })
}

resource "aws_iam_role" "events" {
  name               = "events"
  assume_role_policy = data.aws_iam_policy_document.trust["ses"].json
}

resource "aws_iam_role_policy" "events" {
  role = aws_iam_role.events.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "firehose:PutRecordBatch", Resource = "*" }]
  })
}

resource "aws_kinesis_stream" "this" {
  name        = "events"
  shard_count = 1
}

locals {
  account      = data.aws_caller_identity.this.account_id
  function_arn = "arn:aws:lambda:us-east-1:${local.account}:function:transform"
}

resource "aws_kinesis_firehose_delivery_stream" "this" {
  for_each = { direct = [], stream = [aws_kinesis_stream.this.arn] }

  name        = each.key
  destination = "extended_s3"
  tags        = { team = "crm" }

  dynamic "kinesis_source_configuration" {
    for_each = each.value

    content {
      kinesis_stream_arn = kinesis_source_configuration.value
      role_arn           = aws_iam_role.delivery.arn
    }
  }

  dynamic "server_side_encryption" {
    for_each = each.key == "direct" ? [1] : []

    content {
      enabled  = true
      key_type = "CUSTOMER_MANAGED_CMK"
      key_arn  = aws_kms_key.this.arn
    }
  }

  extended_s3_configuration {
    role_arn            = aws_iam_role.delivery.arn
    bucket_arn          = aws_s3_bucket.events.arn
    s3_backup_mode      = "Enabled"
    prefix              = "events/!{timestamp:yyyy/MM/dd/HH}/"
    error_output_prefix = "errors/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/"
    buffering_interval  = 40
    buffering_size      = 64
    kms_key_arn         = aws_kms_key.this.arn

    s3_backup_configuration {
      role_arn           = aws_iam_role.delivery.arn
      bucket_arn         = aws_s3_bucket.events.arn
      prefix             = "backup/"
      buffering_interval = 60
    }

    cloudwatch_logging_options {
      enabled         = true
      log_group_name  = aws_cloudwatch_log_group.errors.name
      log_stream_name = aws_cloudwatch_log_stream.errors.name
    }

    processing_configuration {
      enabled = true

      processors {
        type = "Lambda"

        parameters {
          parameter_name  = "LambdaArn"
          parameter_value = "${local.function_arn}:$LATEST"
        }

        parameters {
          parameter_name  = "BufferSizeInMBs" # not 1: the provider forgets what is the default
          parameter_value = "2"
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
        table_name    = aws_glue_catalog_table.this.name
        role_arn      = aws_iam_role.delivery.arn
        region        = "us-east-1"
      }
    }
  }

  depends_on = [aws_iam_role_policy.delivery]
}

resource "aws_sesv2_account_suppression_attributes" "this" {
  suppressed_reasons = ["COMPLAINT"]
}

resource "aws_sesv2_configuration_set" "this" {
  configuration_set_name = "news"
  tags                   = { team = "crm" }

  delivery_options {
    tls_policy           = "REQUIRE"
    max_delivery_seconds = 300
  }

  reputation_options {
    reputation_metrics_enabled = true
  }

  sending_options {
    sending_enabled = true
  }

  suppression_options {
    suppressed_reasons = ["BOUNCE", "COMPLAINT"]
  }

  tracking_options {
    custom_redirect_domain = "links.example.com"
  }
}

resource "aws_sns_topic" "mail" {
  name = "mail"
}

resource "aws_sns_topic_policy" "mail" {
  arn = aws_sns_topic.mail.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ses.amazonaws.com" }
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.mail.arn
    }]
  })
}

resource "aws_sesv2_configuration_set_event_destination" "firehose" {
  configuration_set_name = aws_sesv2_configuration_set.this.configuration_set_name
  event_destination_name = "firehose"

  event_destination {
    enabled              = true
    matching_event_types = ["SEND", "DELIVERY", "RENDERING_FAILURE", "BOUNCE"]

    kinesis_firehose_destination {
      delivery_stream_arn = aws_kinesis_firehose_delivery_stream.this["direct"].arn
      iam_role_arn        = aws_iam_role.events.arn
    }
  }

  depends_on = [aws_iam_role_policy.events]
}

resource "aws_sesv2_configuration_set_event_destination" "topic" {
  configuration_set_name = aws_sesv2_configuration_set.this.configuration_set_name
  event_destination_name = "topic"

  event_destination {
    enabled              = false
    matching_event_types = ["COMPLAINT"]

    sns_destination {
      topic_arn = aws_sns_topic.mail.arn
    }
  }

  depends_on = [aws_sns_topic_policy.mail]
}

resource "aws_sesv2_account_vdm_attributes" "this" {
  vdm_enabled = "ENABLED"

  dashboard_attributes {
    engagement_metrics = "ENABLED"
  }
}

resource "aws_sesv2_email_identity" "this" {
  email_identity = "mail.example.com"
}

resource "aws_sesv2_email_identity_feedback_attributes" "this" {
  email_identity           = aws_sesv2_email_identity.this.email_identity
  email_forwarding_enabled = false
}

resource "aws_ses_identity_notification_topic" "this" {
  for_each = toset(["Bounce", "Complaint"])

  identity                 = aws_sesv2_email_identity.this.email_identity
  notification_type        = each.key
  topic_arn                = aws_sns_topic.mail.arn
  include_original_headers = each.key == "Bounce"

  depends_on = [aws_sns_topic_policy.mail]
}

resource "aws_sesv2_configuration_set_event_destination" "bus" {
  configuration_set_name = aws_sesv2_configuration_set.this.configuration_set_name
  event_destination_name = "bus"

  event_destination {
    enabled              = true
    matching_event_types = ["OPEN", "CLICK"]

    event_bridge_destination {
      event_bus_arn = "arn:aws:events:us-east-1:${local.account}:event-bus/default"
    }
  }
}
"""


def test_firehose_and_ses_apply_plan_nothing_more_and_are_destroyed(
    local_aws: LocalServer, tmp_path: Path
) -> None:
    (tmp_path / "main.tf").write_text(RESOURCES)
    terraform = terraform_on(local_aws, tmp_path)

    firehose, ses = local_aws.client("firehose"), local_aws.client("sesv2")
    initialised = terraform("init")
    applied = terraform("apply", "-auto-approve")
    made = sorted(firehose.list_delivery_streams()["DeliveryStreamNames"])
    vdm = ses.get_account()["VdmAttributes"]["VdmEnabled"]
    planned = terraform("plan", "-detailed-exitcode")
    destroyed = terraform("destroy", "-auto-approve")

    assert initialised.returncode == 0, initialised.stderr
    assert applied.returncode == 0, applied.stderr
    assert (made, vdm) == (["direct", "stream"], "ENABLED")
    assert planned.returncode == 0, planned.stdout
    assert destroyed.returncode == 0, destroyed.stderr
    assert firehose.list_delivery_streams()["DeliveryStreamNames"] == []
    assert ses.list_configuration_sets()["ConfigurationSets"] == []
    assert ses.list_email_identities()["EmailIdentities"] == []
    assert ses.get_account()["VdmAttributes"]["VdmEnabled"] == "DISABLED"
    assert local_aws.client("s3").list_buckets()["Buckets"] == []
