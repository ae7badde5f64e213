# Changed content in the bucket → EventBridge → queue → function → email template of the project.

locals {
  # The bucket and the permissions of the publication exist with it only.
  publish = var.publish == null ? {} : { this = var.publish }

  publish_timeout_seconds = 60

  rule_publishes = {
    rule = {
      service    = "events.amazonaws.com"
      source_arn = one(values(aws_cloudwatch_event_rule.changed)[*].arn)
    }
  }
}

resource "aws_cloudwatch_event_rule" "changed" {
  for_each = local.publish

  name        = "${var.name}-changed"
  description = "Contents of the templates that are published."

  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Created"]
    detail = {
      bucket = { name = [local.bucket] }
      object = { key = [for template in each.value.templates : { prefix = "${var.store.prefix}${template}/" }] }
    }
  })

  tags = var.tags
}

resource "aws_cloudwatch_event_target" "changed" {
  for_each = local.publish

  rule = aws_cloudwatch_event_rule.changed[each.key].name
  arn  = module.changed[each.key].queue_arn

  dead_letter_config {
    arn = module.undelivered[each.key].queue_arn
  }
}

module "changed" {
  source   = "../internal/queue"
  for_each = local.publish

  name                       = "${var.name}-changed"
  visibility_timeout_seconds = 6 * local.publish_timeout_seconds
  publishers                 = local.rule_publishes
  operations                 = local.operations
}

module "undelivered" {
  source   = "../internal/dead_letter_queue"
  for_each = local.publish

  name       = "${var.name}-undelivered"
  publishers = local.rule_publishes
  operations = local.operations
}

module "publish_access" {
  source   = "../internal/pinpoint_access"
  for_each = local.publish

  pinpoint = var.pinpoint
  api_operations = [
    "CreateEmailTemplate",
    "GetEmailTemplate",
    "ListTemplateVersions",
    "UpdateEmailTemplate",
    "UpdateTemplateActiveVersion",
  ]
}

module "publisher" {
  source   = "../internal/lambda_function"
  for_each = local.publish

  name            = "${var.name}-publish"
  description     = "Publishes contents of the bucket as email templates of the project."
  handler         = "campaign_templates.functions.publish.lambda_handler"
  package         = module.package.archives["campaign_templates"]
  timeout_seconds = local.publish_timeout_seconds
  memory_mb       = 512
  environment = merge(
    module.publish_access[each.key].environment,
    {
      BUCKET    = local.bucket
      NAME      = var.name
      TEMPLATES = join(",", each.value.templates)
    },
    var.store.prefix == "" ? {} : { PREFIX = var.store.prefix },
  )
  policies = {
    contents = data.aws_iam_policy_document.publish[each.key].json
    pinpoint = module.publish_access[each.key].policy_json
  }
  kms_actions = ["kms:Decrypt"] # the queue, and contents of the module's bucket
  operations  = local.operations
}

resource "aws_lambda_event_source_mapping" "changed" {
  for_each = local.publish

  function_name           = module.publisher[each.key].function_arn
  event_source_arn        = module.changed[each.key].queue_arn
  batch_size              = 5
  function_response_types = ["ReportBatchItemFailures"]

  tags = var.tags
}

data "aws_iam_policy_document" "publish" {
  for_each = local.publish

  statement {
    sid       = "ReadTheQueue"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    resources = [module.changed[each.key].queue_arn]
  }

  statement {
    sid       = "ReadContents"
    actions   = ["s3:GetObject"]
    resources = [for template in each.value.templates : "${local.bucket_arn}/${var.store.prefix}${template}/*"]
  }

  # Amazon S3 API reference, "GetObject": without this permission S3 answers 403 for an absent key.
  statement {
    sid       = "KnowThatAContentIsGone"
    actions   = ["s3:ListBucket"]
    resources = [local.bucket_arn]
  }

  dynamic "statement" {
    for_each = local.own_bucket ? [] : local.bucket_key[*]

    content {
      sid       = "UseTheKeyOfTheBucket"
      actions   = ["kms:Decrypt"]
      resources = [statement.value.arn]
    }
  }
}
