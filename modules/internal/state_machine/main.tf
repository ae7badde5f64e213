data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  # Built, because the role of the state machine names the ARN before the state machine exists.
  arn_prefix = "arn:${data.aws_partition.current.partition}:states:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}"
  arn        = "${local.arn_prefix}:stateMachine:${var.name}"
}

# With the prefix /aws/vendedlogs the resource policy that Step Functions writes does not exceed its
# size limit (Step Functions Developer Guide, "Using CloudWatch Logs to log execution history").
resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338:The caller decides how long logs are kept; they hold state names and outcomes, not evidence that has to last a year.
  #checkov:skip=CKV_AWS_158:CloudWatch Logs encrypts with its own key; a customer managed one is used when kms_key is given.
  name              = "/aws/vendedlogs/states/${var.name}"
  retention_in_days = var.operations.log_retention_days
  kms_key_id        = one(var.operations.kms_key[*].arn)

  tags = var.operations.tags
}

resource "aws_sfn_state_machine" "this" {
  #checkov:skip=CKV_AWS_285:Execution data holds addresses and numbers, which must not reach a log; the execution history keeps them for 90 days.
  name       = var.name
  role_arn   = aws_iam_role.this.arn
  definition = var.definition

  logging_configuration {
    level                  = "ALL"
    include_execution_data = false
    log_destination        = "${aws_cloudwatch_log_group.this.arn}:*"
  }

  tracing_configuration {
    enabled = true
  }

  dynamic "encryption_configuration" {
    for_each = var.operations.kms_key[*].arn

    content {
      type                              = "CUSTOMER_MANAGED_KMS_KEY"
      kms_key_id                        = encryption_configuration.value
      kms_data_key_reuse_period_seconds = 300
    }
  }

  tags = var.operations.tags

  # Step Functions checks the role when it creates the state machine.
  depends_on = [
    aws_iam_role_policy.distributed_map,
    aws_iam_role_policy.given,
    aws_iam_role_policy.logs_and_traces,
  ]
}
