# Change of an object → EventBridge → queue → one invalidation for a batch of changes.

locals {
  invalidation = var.invalidation == null ? {} : { site = var.invalidation }

  invalidation_timeout_seconds = 30
}

module "package" {
  source = "../internal/package"
  count  = var.invalidation == null ? 0 : 1

  name     = var.name
  archives = ["simple_cms"]
  packages = var.packages

  operations = local.operations
}

resource "aws_cloudwatch_event_rule" "object_changed" {
  for_each = local.invalidation

  name        = "${var.name}-object-changed"
  description = "Objects of the site that were written or deleted."

  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Created", "Object Deleted"]
    detail = {
      bucket = { name = [module.bucket.bucket_name] }
      # The lifecycle of the bucket removes older versions, which viewers do not get.
      reason = [{ anything-but = ["Lifecycle Expiration"] }]
    }
  })

  tags = var.tags
}

resource "aws_cloudwatch_event_target" "queue" {
  for_each = local.invalidation

  rule = aws_cloudwatch_event_rule.object_changed[each.key].name
  arn  = module.changes[each.key].queue_arn

  dead_letter_config {
    arn = module.undelivered[each.key].queue_arn
  }
}

module "changes" {
  source   = "../internal/queue"
  for_each = local.invalidation

  name = "${var.name}-changes"
  # Lambda Developer Guide, "Using Lambda with Amazon SQS": six times the timeout, and the window.
  visibility_timeout_seconds = 6 * local.invalidation_timeout_seconds + each.value.window_seconds
  publishers = {
    rule = { service = "events.amazonaws.com", source_arn = aws_cloudwatch_event_rule.object_changed[each.key].arn }
  }
  operations = local.operations
}

module "undelivered" {
  source   = "../internal/dead_letter_queue"
  for_each = local.invalidation

  name = "${var.name}-undelivered"
  publishers = {
    rule = { service = "events.amazonaws.com", source_arn = aws_cloudwatch_event_rule.object_changed[each.key].arn }
  }
  operations = local.operations
}

data "aws_iam_policy_document" "invalidate" {
  for_each = local.invalidation

  statement {
    sid       = "InvalidateTheSite"
    actions   = ["cloudfront:CreateInvalidation"]
    resources = [aws_cloudfront_distribution.this.arn]
  }

  statement {
    sid       = "ReadTheQueue"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    resources = [module.changes[each.key].queue_arn]
  }
}

module "invalidate" {
  source   = "../internal/lambda_function"
  for_each = local.invalidation

  name            = "${var.name}-invalidate"
  description     = "Invalidates the paths of changed objects."
  handler         = "simple_cms.functions.invalidate.lambda_handler"
  package         = module.package[0].archives["simple_cms"]
  timeout_seconds = local.invalidation_timeout_seconds
  environment = {
    DISTRIBUTION_ID = aws_cloudfront_distribution.this.id
    MAX_PATHS       = tostring(each.value.max_paths)
  }
  policies    = { invalidate = data.aws_iam_policy_document.invalidate[each.key].json }
  kms_actions = ["kms:Decrypt"] # the queue
  operations  = local.operations
}

resource "aws_lambda_event_source_mapping" "invalidate" {
  for_each = local.invalidation

  function_name                      = module.invalidate[each.key].function_arn
  event_source_arn                   = module.changes[each.key].queue_arn
  batch_size                         = 1000
  maximum_batching_window_in_seconds = each.value.window_seconds
  function_response_types            = ["ReportBatchItemFailures"]

  # Two is the least that Lambda accepts.
  scaling_config {
    maximum_concurrency = 2
  }

  tags = var.tags
}
