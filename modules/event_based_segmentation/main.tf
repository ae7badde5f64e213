# Event in the stream → rules → attributes of the endpoint or user, by which segments select.

locals {
  operations = {
    alarm              = var.alarm
    kms_key            = var.kms_key
    log_retention_days = var.log_retention_days
    tags               = var.tags
  }

  event_types = distinct([for rule in values(var.rules) : rule.event_type])

  # Rules are too large for environment variables, which Lambda limits to 4 KB. The id names the
  # content, so that changed rules change the function and take effect in new execution environments.
  settings    = jsonencode({ rules = var.rules, machine_opens = var.machine_opens })
  settings_id = "settings#${sha256(local.settings)}"
}

module "package" {
  source = "../internal/package"

  name     = var.name
  archives = ["event_based_segmentation"]
  packages = var.packages

  operations = local.operations
}

module "access" {
  source = "../internal/pinpoint_access"

  pinpoint       = var.pinpoint
  api_operations = ["GetEndpoint", "UpdateEndpointsBatch"]
}

# The rules, and the times at which events last changed attributes, so that an event that arrives late
# or is redriven does not undo a newer event.
resource "aws_dynamodb_table" "changes" {
  #checkov:skip=CKV_AWS_28:Times expire after 30 days, and an apply writes the rules again.
  #checkov:skip=CKV_AWS_119:DynamoDB encrypts with its own key; a customer managed one is used when kms_key is given.
  name         = "${var.name}-changes"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = one(var.kms_key[*].arn)
  }

  tags = var.tags
}

resource "aws_dynamodb_table_item" "settings" {
  table_name = aws_dynamodb_table.changes.name
  hash_key   = aws_dynamodb_table.changes.hash_key

  item = jsonencode({
    id       = { S = local.settings_id }
    settings = { S = local.settings }
  })

  # A function with the old rules can start until it is updated, so it must find them until then. By
  # itself the provider updates an item whose key changes: it deletes the old item at once.
  lifecycle {
    create_before_destroy = true
    replace_triggered_by  = [terraform_data.settings]
  }
}

resource "terraform_data" "settings" {
  input = local.settings_id
}

data "aws_iam_policy_document" "changes" {
  statement {
    sid       = "ReadTheRules"
    actions   = ["dynamodb:GetItem"]
    resources = [aws_dynamodb_table.changes.arn]
  }

  statement {
    sid       = "KnowTheTimesOfChanges"
    actions   = ["dynamodb:BatchGetItem", "dynamodb:BatchWriteItem"]
    resources = [aws_dynamodb_table.changes.arn]
  }
}

module "subscriber" {
  source = "../internal/stream_subscriber"

  name         = var.name
  event_stream = var.event_stream
  event_types  = local.event_types
  package      = module.package.archives["event_based_segmentation"]
  function = {
    handler         = "event_based_segmentation.functions.apply_rules.lambda_handler"
    description     = "Changes attributes of endpoints and users by rules about events."
    timeout_seconds = 180
    memory_mb       = 512
  }
  # Many events of one endpoint in a batch are one update. One batch of a shard at a time, because two
  # that update one endpoint can overwrite each other's values.
  batches = {
    size                   = var.batches.size
    window_seconds         = var.batches.window_seconds
    parallelization_factor = 1
  }
  environment = merge(module.access.environment, {
    PROJECT_ID  = var.pinpoint.project_id
    SETTINGS_ID = jsondecode(aws_dynamodb_table_item.settings.item).id.S
    TABLE       = aws_dynamodb_table.changes.name
  })
  policies = {
    changes  = data.aws_iam_policy_document.changes.json
    pinpoint = module.access.policy_json
  }
  late       = { work = "Attributes of endpoints change" }
  operations = local.operations
}

resource "aws_cloudwatch_metric_alarm" "refused_values" {
  alarm_name        = "${var.name}-refused-values"
  alarm_description = "Rules made values that an attribute cannot have: see the log group ${module.subscriber.log_group_name} for the rules, and correct them."

  namespace   = "EventBasedSegmentation"
  metric_name = "RefusedValues"
  dimensions  = { FunctionName = module.subscriber.function_name }
  statistic   = "Sum"
  period      = 300

  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  alarm_actions = var.alarm[*].topic_arn

  tags = var.tags
}
