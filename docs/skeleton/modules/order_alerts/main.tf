# Orders on a queue → function → topic; a message that keeps failing ends in the dead-letter queue.

locals {
  operations = {
    alarm              = var.alarm
    kms_key            = var.kms_key
    log_retention_days = var.log_retention_days
    tags               = var.tags
  }

  timeout_seconds = 30
}

module "package" {
  source = "../internal/package"

  name     = var.name
  archives = ["order_alerts"]
  packages = var.packages

  operations = local.operations
}

module "queue" {
  source = "../internal/queue"

  name                       = "${var.name}-orders"
  visibility_timeout_seconds = 6 * local.timeout_seconds
  operations                 = local.operations
}

module "topic" {
  source = "../internal/topic"

  name       = "${var.name}-notifications"
  operations = local.operations
}

module "notify" {
  source = "../internal/lambda_function"

  name            = "${var.name}-notify"
  description     = "Publishes an alert for each order above the limit."
  handler         = "order_alerts.functions.notify.lambda_handler"
  package         = module.package.archives["order_alerts"]
  timeout_seconds = local.timeout_seconds
  environment = {
    LIMIT     = tostring(var.limit)
    TOPIC_ARN = module.topic.topic_arn
  }
  policies    = { notify = data.aws_iam_policy_document.notify.json }
  kms_actions = ["kms:Decrypt", "kms:GenerateDataKey"]
  operations  = local.operations
}

resource "aws_lambda_event_source_mapping" "orders" {
  function_name           = module.notify.function_arn
  event_source_arn        = module.queue.queue_arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]

  tags = var.tags
}
