module "api_function" {
  source = "../internal/lambda_function"

  name        = "${var.name}-api"
  description = "Answers the Pinpoint API."
  handler     = "engagement_hub.functions.serve_api.lambda_handler"
  role_path   = local.role_path
  package     = module.package.archives["engagement_hub"]
  environment = merge(
    local.environment,
    local.journey_environment,
    { EXPORT_STATE_MACHINE_ARN = local.state_machine_arns.export },
    length(var.forward) == 0 ? {} : { FORWARD_OPERATIONS = join(",", distinct(var.forward)) },
    var.forward_project == null ? {} : { FORWARD_PROJECT_ID = var.forward_project.id },
  )
  policies = merge(
    {
      tables            = data.aws_iam_policy_document.tables.json
      roles             = data.aws_iam_policy_document.customer_roles.json
      schedule          = data.aws_iam_policy_document.schedule.json
      start             = data.aws_iam_policy_document.start.json
      undelivered       = data.aws_iam_policy_document.undelivered_events.json
      journey-metrics   = data.aws_iam_policy_document.journey_metrics.json
      journey-schedules = data.aws_iam_policy_document.journey_schedules.json
    },
    local.sends ? { send = data.aws_iam_policy_document.send[0].json } : {},
  )
  managed_policies = merge(
    length(var.forward) == 0 ? {} : { forward = data.aws_iam_policy_document.forward[0].json },
    length(var.recommender_function_arns) == 0 ? {} : { recommenders = data.aws_iam_policy_document.recommenders[0].json },
  )
  kms_actions     = local.data_kms_actions
  timeout_seconds = 29 # an HTTP API waits 30
  memory_mb       = 1024

  invokers = {
    api = {
      service    = "apigateway.amazonaws.com"
      source_arn = "${aws_apigatewayv2_api.this.execution_arn}/*/*/v1/*"
    }
  }
  operations = local.operations
}

resource "aws_apigatewayv2_api" "this" {
  name          = var.name
  description   = "Pinpoint-compatible API of ${var.name}."
  protocol_type = "HTTP"

  tags = var.tags
}

resource "aws_apigatewayv2_integration" "this" {
  api_id                 = aws_apigatewayv2_api.this.id
  integration_type       = "AWS_PROXY"
  integration_uri        = module.api_function.function_arn
  payload_format_version = "2.0"
}

resource "aws_apigatewayv2_route" "this" {
  api_id             = aws_apigatewayv2_api.this.id
  route_key          = "ANY /v1/{proxy+}"
  authorization_type = "AWS_IAM"
  target             = "integrations/${aws_apigatewayv2_integration.this.id}"
}

resource "aws_cloudwatch_log_group" "access" {
  #checkov:skip=CKV_AWS_338:The caller decides how long logs are kept; they hold request ids and statuses, not evidence that has to last a year.
  #checkov:skip=CKV_AWS_158:CloudWatch Logs encrypts with its own key; a customer managed one is used when kms_key is given.
  name              = "/aws/vendedlogs/apigateway/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = local.kms_key_arn

  tags = var.tags
}

resource "aws_apigatewayv2_stage" "this" {
  api_id      = aws_apigatewayv2_api.this.id
  name        = "$default"
  auto_deploy = true

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    # The path is left out: endpoint ids and user ids in it are often addresses.
    format = jsonencode({
      caller           = "$context.identity.userArn"
      integrationError = "$context.integrationErrorMessage"
      latencyMs        = "$context.responseLatency"
      method           = "$context.httpMethod"
      requestId        = "$context.requestId"
      status           = "$context.status"
      time             = "$context.requestTime"
    })
  }

  tags = var.tags
}

# A caller sees the error, the operator sees it here: a package, key or quota that fails every request.
resource "aws_cloudwatch_metric_alarm" "server_errors" {
  alarm_name        = "${var.name}-api-server-errors"
  alarm_description = "The API of ${var.name} answered with a 5xx status: see the log group /aws/lambda/${var.name}-api."

  namespace   = "AWS/ApiGateway"
  metric_name = "5xx"
  dimensions  = { ApiId = aws_apigatewayv2_api.this.id }
  statistic   = "Sum"
  period      = 60

  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  alarm_actions = var.alarm[*].topic_arn

  tags = var.tags
}

locals {
  # The stage $default adds no path to the address.
  api = {
    url           = aws_apigatewayv2_api.this.api_endpoint
    execution_arn = aws_apigatewayv2_api.this.execution_arn
  }
}

# The first project, and the event destination of its text messages.
module "resources" {
  source = "../pinpoint_resources"
  count  = var.project != null || local.sms_configuration_set != null ? 1 : 0

  name     = var.name
  packages = module.package.packages["pinpoint_resources"]
  pinpoint = { api = local.api }

  projects = { for key, name in terraform_data.project_name : key => jsonencode({ Name = name.output }) }

  sms_event_destinations = {
    for set in local.sms_configuration_set[*] : "sms-events" => jsonencode({
      ConfigurationSetName = set.name
      EventDestinationName = "${var.name}-delivery"
      MatchingEventTypes   = ["ALL"]
      SnsDestination       = { TopicArn = module.sms_events[0].topic_arn }
    })
  }

  alarm              = var.alarm
  kms_key            = var.kms_key
  log_retention_days = var.log_retention_days
  tags               = var.tags
}

# The project is created through the API, and deleted through it: the deletion of a project with
# imported segments starts a state machine. The name depends on them, so that the function that
# creates the project does not.
resource "terraform_data" "project_name" {
  for_each = { for project in var.project[*] : "project" => project.name }

  input = each.value

  depends_on = [
    aws_apigatewayv2_route.this,
    aws_apigatewayv2_stage.this,
    module.api_function,
    module.campaign_state_machine,
    module.export_state_machine,
    module.import_state_machine,
    module.journey_state_machine,
  ]
}

moved {
  from = module.resources[0].aws_lambda_invocation.this["project"]
  to   = module.resources[0].aws_lambda_invocation.this["App/project"]
}

moved {
  from = module.resources[0].aws_lambda_invocation.this["sms-events"]
  to   = module.resources[0].aws_lambda_invocation.this["SmsConfigurationSetEventDestination/sms-events"]
}

locals {
  project_id = var.project == null ? null : module.resources[0].results.App["project"].Id
}
