# HTTP API in front of the queue: a function validates messages, queues them, and answers with the
# queued messages.

locals {
  api = var.api[*] # zero or one element
}

module "api_function" {
  source = "../internal/lambda_function"
  count  = length(local.api)

  name        = "${var.name}-api"
  description = "Queues messages and reports for each message whether it was queued."
  handler     = "ses_load_testing.functions.take_messages.lambda_handler"
  package     = module.package.archives["ses_load_testing"]
  environment = merge(
    { QUEUE_URL = module.queue.queue_url },
    var.api.api_key == null ? {} : { API_KEY_SECRET_ARN = var.api.api_key.secret_arn },
  )
  policies        = { queue = data.aws_iam_policy_document.api.json }
  kms_actions     = ["kms:Decrypt", "kms:GenerateDataKey"]
  timeout_seconds = 15
  invokers = {
    api = {
      service    = "apigateway.amazonaws.com"
      source_arn = "${aws_apigatewayv2_api.this[0].execution_arn}/*/POST/messages"
    }
  }
  operations = local.operations
}

resource "aws_apigatewayv2_api" "this" {
  count = length(local.api)

  name          = var.name
  description   = "Accepts emails to send: POST /messages."
  protocol_type = "HTTP"

  tags = var.tags
}

resource "aws_apigatewayv2_integration" "this" {
  count = length(local.api)

  api_id                 = aws_apigatewayv2_api.this[0].id
  integration_type       = "AWS_PROXY"
  integration_uri        = module.api_function[0].function_arn
  payload_format_version = "2.0"
}

resource "aws_apigatewayv2_route" "this" {
  #checkov:skip=CKV_AWS_309:With authorization API_KEY the function compares the key itself: HTTP APIs have no keys of their own.
  count = length(local.api)

  api_id             = aws_apigatewayv2_api.this[0].id
  route_key          = "POST /messages"
  authorization_type = var.api.authorization == "IAM" ? "AWS_IAM" : "NONE"
  target             = "integrations/${aws_apigatewayv2_integration.this[0].id}"
}

resource "aws_cloudwatch_log_group" "access" {
  #checkov:skip=CKV_AWS_338:The caller decides how long logs are kept; they hold request ids and statuses, not evidence that has to last a year.
  #checkov:skip=CKV_AWS_158:CloudWatch Logs encrypts with its own key; a customer managed one is used when kms_key is given.
  count = length(local.api)

  name              = "/aws/vendedlogs/apigateway/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = local.kms_key_arn

  tags = var.tags
}

resource "aws_apigatewayv2_stage" "this" {
  count = length(local.api)

  api_id      = aws_apigatewayv2_api.this[0].id
  name        = "$default"
  auto_deploy = true

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access[0].arn
    format = jsonencode({
      caller           = "$context.identity.userArn"
      integrationError = "$context.integrationErrorMessage"
      latencyMs        = "$context.responseLatency"
      requestId        = "$context.requestId"
      status           = "$context.status"
      time             = "$context.requestTime"
    })
  }

  default_route_settings {
    throttling_burst_limit = var.api.burst
    throttling_rate_limit  = var.api.requests_per_second
  }

  tags = var.tags
}

# A caller sees the error, the operator sees it here: a package, key or quota that fails every request.
resource "aws_cloudwatch_metric_alarm" "server_errors" {
  count = length(local.api)

  alarm_name        = "${var.name}-api-server-errors"
  alarm_description = "The API of ${var.name} answered with a 5xx status: see the log group /aws/lambda/${var.name}-api."

  namespace   = "AWS/ApiGateway"
  metric_name = "5xx"
  dimensions  = { ApiId = aws_apigatewayv2_api.this[0].id }
  statistic   = "Sum"
  period      = 60

  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  alarm_actions = var.alarm[*].topic_arn

  tags = var.tags
}
