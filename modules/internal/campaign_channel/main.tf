# Campaigns and journeys → intake function → queue. The caller adds the function that reads the queue.

module "queue" {
  source = "../queue"

  name                       = "${var.name}-endpoints"
  visibility_timeout_seconds = var.queue.visibility_timeout_seconds
  max_receive_count          = var.queue.max_receive_count
  operations                 = var.operations
}

module "intake" {
  source = "../lambda_function"

  name                 = "${var.name}-intake"
  description          = var.function.description
  handler              = var.function.handler
  package              = var.package
  timeout_seconds      = var.function.timeout_seconds
  memory_mb            = var.function.memory_mb
  reserved_concurrency = var.function.reserved_concurrency
  environment          = merge(var.environment, { QUEUE_URL = module.queue.queue_url })
  policies             = merge(var.policies, { queue-endpoints = data.aws_iam_policy_document.queue_endpoints.json })
  kms_actions          = ["kms:Decrypt", "kms:GenerateDataKey"] # the queue
  operations           = var.operations
}

data "aws_iam_policy_document" "queue_endpoints" {
  statement {
    sid       = "QueueTheEndpoints"
    actions   = ["sqs:SendMessage"]
    resources = [module.queue.queue_arn]
  }
}

module "permission" {
  source = "../campaign_permission"

  function_name = module.intake.function_name
  campaign_role = var.campaign_role
  pinpoint      = var.pinpoint
}
