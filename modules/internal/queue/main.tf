module "dead_letter" {
  source = "../dead_letter_queue"

  name       = var.name
  operations = var.operations
}

module "policy" {
  source = "../publisher_policy"

  service    = "sqs"
  name       = var.name
  publishers = var.publishers
}

resource "aws_sqs_queue" "this" {
  name                       = var.name
  visibility_timeout_seconds = var.visibility_timeout_seconds
  message_retention_seconds  = 1209600
  receive_wait_time_seconds  = 20

  # SQS's own key serves service publishers; alias/aws/sqs does not (its key policy is read-only).
  sqs_managed_sse_enabled = var.operations.kms_key == null ? true : null
  kms_master_key_id       = one(var.operations.kms_key[*].arn)

  redrive_policy = jsonencode({
    deadLetterTargetArn = module.dead_letter.queue_arn
    maxReceiveCount     = var.max_receive_count
  })

  # Inline: a separate aws_sqs_queue_policy waits half a minute for the change to propagate.
  policy = module.policy.policy_json

  tags = var.operations.tags
}
