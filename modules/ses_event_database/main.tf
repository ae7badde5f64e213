data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  operations = {
    alarm              = var.alarm
    kms_key            = var.kms_key
    log_retention_days = var.log_retention_days
    tags               = var.tags
  }
}

module "package" {
  source = "../internal/package"

  name     = var.name
  archives = ["ses_event_database"]
  packages = var.packages

  operations = local.operations
}

resource "aws_sesv2_configuration_set" "this" {
  count = var.configuration_set.create ? 1 : 0

  configuration_set_name = var.configuration_set.name

  tags = var.tags
}

module "database" {
  source = "../internal/event_database"

  name           = var.name
  python_package = "ses_event_database"
  package        = module.package.archives["ses_event_database"]
  table_name     = "ses_events"
  columns        = jsondecode(file("${path.module}/ses_events.json"))
  views          = { for file in fileset("${path.module}/views", "*.sql") : trimsuffix(file, ".sql") => file("${path.module}/views/${file}") }
  queries        = { for file in fileset("${path.module}/queries", "*.sql") : trimsuffix(file, ".sql") => file("${path.module}/queries/${file}") }
  publishers = {
    ses = {
      service     = "ses.amazonaws.com"
      source_arns = ["arn:${data.aws_partition.current.partition}:ses:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:configuration-set/${var.configuration_set.name}"]
    }
  }

  athena         = var.athena
  buffer_seconds = var.buffer_seconds
  database_name  = var.database_name
  events_since   = var.events_since
  force_destroy  = var.force_destroy
  retention      = var.retention
  operations     = local.operations
}

# Created after the configuration set and the Firehose stream, and deleted before them.
resource "aws_sesv2_configuration_set_event_destination" "this" {
  configuration_set_name = var.configuration_set.create ? aws_sesv2_configuration_set.this[0].configuration_set_name : var.configuration_set.name
  event_destination_name = var.name

  event_destination {
    enabled = true
    matching_event_types = [
      "BOUNCE", "CLICK", "COMPLAINT", "DELIVERY", "DELIVERY_DELAY", "OPEN", "REJECT",
      "RENDERING_FAILURE", "SEND", "SUBSCRIPTION",
    ]

    kinesis_firehose_destination {
      delivery_stream_arn = module.database.firehose_arn
      iam_role_arn        = module.database.publisher_role_arns["ses"]
    }
  }
}
