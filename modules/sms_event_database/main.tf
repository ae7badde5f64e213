data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  package_path = var.package_paths.sms_event_database == null ? "${path.module}/../../dist/sms_event_database.zip" : var.package_paths.sms_event_database

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

resource "aws_pinpointsmsvoicev2_configuration_set" "this" {
  count = var.configuration_set.create ? 1 : 0

  name = var.configuration_set.name

  tags = var.tags
}

module "database" {
  source = "../internal/event_database"

  name         = var.name
  package      = "sms_event_database"
  package_path = local.package_path
  table_name   = "sms_events"
  columns      = jsondecode(file("${path.module}/sms_events.json"))
  views        = { for file in fileset("${path.module}/views", "*.sql") : trimsuffix(file, ".sql") => file("${path.module}/views/${file}") }
  queries      = { for file in fileset("${path.module}/queries", "*.sql") : trimsuffix(file, ".sql") => file("${path.module}/queries/${file}") }
  publishers = {
    sms = {
      service     = "sms-voice.amazonaws.com"
      source_arns = ["arn:${data.aws_partition.current.partition}:sms-voice:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:configuration-set/${var.configuration_set.name}"]
    }
  }

  athena         = var.athena
  buffer_seconds = var.buffer_seconds
  database_name  = var.database_name
  force_destroy  = var.force_destroy
  retention      = var.retention

  alarm              = var.alarm
  kms_key_arn        = var.kms_key_arn
  log_retention_days = var.log_retention_days
  tags               = var.tags
}

# After the configuration set and the Firehose stream are there; gone before either goes. The AWS
# provider has no resource for it.
module "event_destination" {
  source = "../internal/api_resource"

  name         = "${var.name}-destination"
  package_path = var.package_paths.api_resource
  pinpoint     = { project_id = "*" } # a destination belongs to no project, and this type takes no right on any
  resources = {
    events = {
      type       = "SmsConfigurationSetEventDestination"
      properties = jsonencode(local.event_destination)
    }
  }

  alarm              = var.alarm
  kms_key_arn        = var.kms_key_arn
  log_retention_days = var.log_retention_days
  tags               = var.tags
}
