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

  own_arn = "${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}"

  publishers = {
    ses = {
      service     = "ses.amazonaws.com"
      source_arns = [for name in values(var.ses_configuration_sets) : "arn:${data.aws_partition.current.partition}:ses:${local.own_arn}:configuration-set/${name}"]
    }
    sms = {
      service     = "sms-voice.amazonaws.com"
      source_arns = [for name in values(var.sms_configuration_sets) : "arn:${data.aws_partition.current.partition}:sms-voice:${local.own_arn}:configuration-set/${name}"]
    }
  }
}

module "package" {
  source = "../internal/package"

  name     = var.name
  archives = ["pinpoint_event_database", "pinpoint_resources"]
  packages = var.packages

  operations = local.operations
}

module "database" {
  source = "../internal/event_database"

  name           = var.name
  python_package = "pinpoint_event_database"
  package        = module.package.archives["pinpoint_event_database"]
  table_name     = "all_events"
  columns        = jsondecode(file("${path.module}/all_events.json"))
  views          = { for file in fileset("${path.module}/views", "*.sql") : trimsuffix(file, ".sql") => file("${path.module}/views/${file}") }
  queries        = { for file in fileset("${path.module}/queries", "*.sql") : trimsuffix(file, ".sql") => file("${path.module}/queries/${file}") }
  event_stream   = var.event_stream
  publishers     = { for key, publisher in local.publishers : key => publisher if length(publisher.source_arns) > 0 }

  athena         = var.athena
  buffer_seconds = var.buffer_seconds
  database_name  = var.database_name
  events_since   = var.events_since
  force_destroy  = var.force_destroy
  retention      = var.retention
  operations     = local.operations
}

resource "aws_sesv2_configuration_set_event_destination" "this" {
  for_each = var.ses_configuration_sets

  configuration_set_name = each.value
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

# The AWS provider has no resource for event destinations of End User Messaging SMS.
module "sms_event_destinations" {
  source = "../pinpoint_resources"
  count  = length(var.sms_configuration_sets) == 0 ? 0 : 1

  name     = var.name
  packages = module.package.packages["pinpoint_resources"]

  sms_event_destinations = {
    for key, name in var.sms_configuration_sets : key => jsonencode({
      ConfigurationSetName = name
      EventDestinationName = var.name
      MatchingEventTypes   = ["ALL"]
      KinesisFirehoseDestination = {
        DeliveryStreamArn = module.database.firehose_arn
        IamRoleArn        = module.database.publisher_role_arns["sms"]
      }
    })
  }

  alarm              = var.alarm
  kms_key            = var.kms_key
  log_retention_days = var.log_retention_days
  tags               = var.tags
}
