data "aws_caller_identity" "current" {}

locals {
  kms_key_arn     = one(var.operations.kms_key[*].arn)
  has_environment = length(var.environment) > 0
  # Lambda decrypts the environment with the permissions of the execution role.
  kms_actions = distinct(concat(local.has_environment ? ["kms:Decrypt"] : [], var.kms_actions))
}

# Created before the function: otherwise Lambda creates a log group without a retention period.
resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338:The caller decides how long logs are kept; they hold ids and outcomes, not evidence that has to last a year.
  #checkov:skip=CKV_AWS_158:CloudWatch Logs encrypts with its own key; a customer managed one is used when kms_key is given.
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.operations.log_retention_days
  kms_key_id        = local.kms_key_arn

  tags = var.operations.tags
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_115:A reserved concurrency is taken from the account's pool, so the caller decides (reserved_concurrency).
  #checkov:skip=CKV_AWS_116:Failed asynchronous events go to the on_failure destination, which unlike a dead-letter queue keeps the error too.
  #checkov:skip=CKV_AWS_117:The function calls AWS APIs only; a VPC would add a NAT gateway and protect nothing.
  #checkov:skip=CKV_AWS_173:Lambda encrypts the variables with its own key; a customer managed one is used when kms_key is given.
  #checkov:skip=CKV_AWS_272:The package is built from this repository with a fixed checksum; a signing profile is the account owner's choice.
  function_name = var.name
  description   = var.description
  role          = aws_iam_role.this.arn

  handler       = var.handler
  runtime       = "python3.13"
  architectures = ["arm64"]
  s3_bucket     = var.package.bucket
  s3_key        = var.package.key # names the content, so that new code is a new key

  timeout                        = var.timeout_seconds
  memory_size                    = var.memory_mb
  reserved_concurrent_executions = var.reserved_concurrency == null ? -1 : var.reserved_concurrency
  # Without environment Lambda forgets the key, so that every plan would show a change.
  kms_key_arn = local.has_environment ? local.kms_key_arn : null

  dynamic "environment" {
    for_each = local.has_environment ? [var.environment] : []

    content {
      variables = environment.value
    }
  }

  logging_config {
    log_format            = "JSON"
    log_group             = aws_cloudwatch_log_group.this.name
    application_log_level = "INFO"
    system_log_level      = "WARN"
  }

  tracing_config {
    mode = "Active"
  }

  tags = var.operations.tags

  # The first invocation needs its permissions and its log group.
  depends_on = [aws_iam_role_policy.logs_and_traces, aws_iam_role_policy.given, aws_iam_role_policy_attachment.managed]
}

resource "aws_lambda_function_event_invoke_config" "this" {
  count = var.on_failure == null ? 0 : 1

  function_name                = aws_lambda_function.this.function_name
  maximum_event_age_in_seconds = 21600
  maximum_retry_attempts       = 2

  destination_config {
    on_failure {
      destination = var.on_failure.queue_arn
    }
  }

  # Lambda checks the role when the destination is set.
  depends_on = [aws_iam_role_policy.on_failure]
}

# Lambda Developer Guide, "Use Lambda recursive loop detection to prevent infinite loops".
resource "aws_lambda_function_recursion_config" "this" {
  count = var.recursive_loop_allowed ? 1 : 0

  function_name  = aws_lambda_function.this.function_name
  recursive_loop = "Allow"
}

resource "aws_lambda_permission" "this" {
  for_each = var.invokers

  function_name = aws_lambda_function.this.function_name
  statement_id  = each.key
  action        = "lambda:InvokeFunction"
  principal     = each.value.service
  source_arn    = each.value.source_arn

  # Most ARNs name the account. The ARN of an S3 bucket does not: the next owner of a deleted
  # bucket's name could invoke the function.
  source_account = split(":", each.value.source_arn)[4] == "" ? data.aws_caller_identity.current.account_id : null
}
