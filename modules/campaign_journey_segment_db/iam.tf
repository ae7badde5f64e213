locals {
  table_arns = [for table in aws_dynamodb_table.this : table.arn]
}

# The reconciliation reads every entity, and single entities that no page shows.
module "access" {
  source = "../internal/pinpoint_access"

  pinpoint = var.pinpoint
  api_operations = [
    "GetCampaign", "GetCampaigns", "GetJourney", "GetSegment", "GetSegments", "ListJourneys",
  ]
}

# CloudTrail masks the names of campaigns, journeys and segments: the function reads the entity.
module "read_access" {
  source = "../internal/pinpoint_access"
  count  = var.entity_events == null ? 1 : 0

  pinpoint       = var.pinpoint
  api_operations = ["GetCampaign", "GetJourney", "GetSegment"]
}

data "aws_iam_policy_document" "record" {
  statement {
    sid       = "ReadChanges"
    actions   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
    resources = [module.queue.queue_arn]
  }

  statement {
    sid       = "RecordChanges"
    actions   = ["dynamodb:PutItem"]
    resources = local.table_arns
  }

  # Only for CloudTrail, whose events do not hold the entity.
  dynamic "statement" {
    for_each = var.entity_events == null ? ["pinpoint"] : []

    content {
      sid       = "CompareOneRow"
      actions   = ["dynamodb:GetItem", "dynamodb:UpdateItem"]
      resources = local.table_arns
    }
  }
}

data "aws_iam_policy_document" "reconcile" {
  statement {
    sid       = "CompareRows"
    actions   = ["dynamodb:PutItem", "dynamodb:Scan", "dynamodb:UpdateItem"]
    resources = local.table_arns
  }
}

data "aws_iam_policy_document" "export" {
  count = var.event_database == null ? 0 : 1

  statement {
    sid       = "ReplaceExportedFiles"
    actions   = ["s3:PutObject"]
    resources = ["arn:${data.aws_partition.current.partition}:s3:::${var.event_database.events_bucket_name}/${local.export_prefix}*"]
  }

  dynamic "statement" {
    for_each = var.event_database.kms_key[*]

    content {
      sid       = "EncryptExportedFiles"
      actions   = ["kms:GenerateDataKey"]
      resources = [statement.value.arn]
    }
  }
}

module "schedule_role" {
  source = "../internal/schedule_role"

  name                  = "${var.name}-schedule"
  description           = "Starts the scheduled reconciliations of ${var.name}."
  target                = { action = "lambda:InvokeFunction", arn = module.reconcile_function.function_arn }
  dead_letter_queue_arn = module.undelivered.queue_arn
  operations            = local.operations
}
