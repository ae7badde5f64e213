# Bounce or complaint in the event stream → function → suppressed address.

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
  archives = ["pinpoint_event_processing"]
  packages = var.packages

  operations = local.operations
}

module "suppression" {
  source = "../internal/address_suppression"

  name              = var.name
  event_source      = "pinpoint_event_processing"
  address_table     = var.address_table
  event_bus_name    = var.event_bus_name
  transient_bounces = var.transient_bounces
  operations        = local.operations
}

module "subscriber" {
  source = "../internal/stream_subscriber"

  name         = var.name
  event_stream = var.event_stream
  event_types  = ["_email.hardbounce", "_email.softbounce", "_email.complaint"]
  package      = module.package.archives["pinpoint_event_processing"]
  function = {
    handler     = "pinpoint_event_processing.functions.suppress.lambda_handler"
    description = "Suppresses addresses that bounced or complained."
  }
  batches = {
    parallelization_factor = 4 # the order does not matter, and SES's responses are slow
  }
  environment = module.suppression.environment
  policies    = { suppress = module.suppression.policy_json }
  late        = { work = "Bounces and complaints are processed" }
  operations  = local.operations
}

moved {
  from = module.dead_letter
  to   = module.subscriber.module.dead_letter
}

moved {
  from = module.function
  to   = module.subscriber.module.function
}

moved {
  from = aws_lambda_event_source_mapping.stream
  to   = module.subscriber.aws_lambda_event_source_mapping.this
}

moved {
  from = aws_cloudwatch_metric_alarm.late
  to   = module.subscriber.aws_cloudwatch_metric_alarm.late
}
