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

  event_destination = {
    ConfigurationSetName = var.configuration_set.create ? aws_pinpointsmsvoicev2_configuration_set.this[0].name : var.configuration_set.name
    EventDestinationName = var.name
    MatchingEventTypes   = sort(distinct(var.event_types))
    KinesisFirehoseDestination = {
      DeliveryStreamArn = module.database.firehose_arn
      IamRoleArn        = module.database.publisher_role_arns["sms"]
    }
  }
}

module "package" {
  source = "../internal/package"

  name     = var.name
  archives = ["sms_event_database", "pinpoint_resources"]
  packages = var.packages

  operations = local.operations
}

resource "aws_pinpointsmsvoicev2_configuration_set" "this" {
  count = var.configuration_set.create ? 1 : 0

  name = var.configuration_set.name

  tags = var.tags
}

module "database" {
  source = "../internal/event_database"

  name           = var.name
  python_package = "sms_event_database"
  package        = module.package.archives["sms_event_database"]
  table_name     = "sms_events"
  columns        = jsondecode(file("${path.module}/sms_events.json"))
  views          = { for file in fileset("${path.module}/views", "*.sql") : trimsuffix(file, ".sql") => file("${path.module}/views/${file}") }
  queries        = { for file in fileset("${path.module}/queries", "*.sql") : trimsuffix(file, ".sql") => file("${path.module}/queries/${file}") }
  publishers = {
    sms = {
      service     = "sms-voice.amazonaws.com"
      source_arns = ["arn:${data.aws_partition.current.partition}:sms-voice:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:configuration-set/${var.configuration_set.name}"]
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

# Created after the configuration set and the Firehose stream, and deleted before them. The AWS
# provider has no resource for it.
module "event_destination" {
  source = "../pinpoint_resources"

  name     = var.name
  packages = module.package.packages["pinpoint_resources"]

  sms_event_destinations = { events = jsonencode(local.event_destination) }

  alarm              = var.alarm
  kms_key            = var.kms_key
  log_retention_days = var.log_retention_days
  tags               = var.tags
}

moved {
  from = module.event_destination.aws_lambda_invocation.this["events"]
  to   = module.event_destination.aws_lambda_invocation.this["SmsConfigurationSetEventDestination/events"]
}
