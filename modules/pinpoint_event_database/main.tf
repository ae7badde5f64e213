data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  package_path = var.package_paths.pinpoint_event_database == null ? "${path.module}/../../dist/pinpoint_event_database.zip" : var.package_paths.pinpoint_event_database
  own_arn      = "${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}"

  publishers = {
    ses = {
      service     = "ses.amazonaws.com"
      source_arns = [for name in var.ses_configuration_sets : "arn:${data.aws_partition.current.partition}:ses:${local.own_arn}:configuration-set/${name}"]
    }
    sms = {
      service     = "sms-voice.amazonaws.com"
      source_arns = [for name in var.sms_configuration_sets : "arn:${data.aws_partition.current.partition}:sms-voice:${local.own_arn}:configuration-set/${name}"]
    }
  }
}

module "database" {
  source = "../internal/event_database"

  name         = var.name
  package      = "pinpoint_event_database"
  package_path = local.package_path
  table_name   = "all_events"
  columns      = jsondecode(file("${path.module}/all_events.json"))
  views        = { for file in fileset("${path.module}/views", "*.sql") : trimsuffix(file, ".sql") => file("${path.module}/views/${file}") }
  queries      = { for file in fileset("${path.module}/queries", "*.sql") : trimsuffix(file, ".sql") => file("${path.module}/queries/${file}") }
  event_stream = var.event_stream
  publishers   = { for key, publisher in local.publishers : key => publisher if length(publisher.source_arns) > 0 }

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

resource "aws_sesv2_configuration_set_event_destination" "this" {
  for_each = toset(var.ses_configuration_sets)

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

# The AWS provider has no resource for these.
module "sms_event_destinations" {
  source = "../internal/api_resource"
  count  = length(var.sms_configuration_sets) == 0 ? 0 : 1

  name         = "${var.name}-destination"
  package_path = var.package_paths.api_resource
  pinpoint     = { project_id = "*" } # a destination belongs to no project, and this type takes no right on any
  resources = {
    for name in var.sms_configuration_sets : name => {
      type = "SmsConfigurationSetEventDestination"
      properties = jsonencode({
        ConfigurationSetName = name
        EventDestinationName = var.name
        MatchingEventTypes   = ["ALL"]
        KinesisFirehoseDestination = {
          DeliveryStreamArn = module.database.firehose_arn
          IamRoleArn        = module.database.publisher_role_arns["sms"]
        }
      })
    }
  }

  alarm              = var.alarm
  kms_key_arn        = var.kms_key_arn
  log_retention_days = var.log_retention_days
  tags               = var.tags
}
