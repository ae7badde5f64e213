# Identities of the account publish their feedback notifications to the topic: existing identities at
# apply, and, by the schedule, identities that are verified later.

locals {
  wiring_name = "${var.name}-identities"

  wiring = var.identities == null ? null : {
    identities = var.identities.wire
    overwrite  = var.identities.overwrite
    topic_arn  = module.topic.topic_arn
  }
}

module "identity_wiring" {
  source = "../internal/lambda_function"
  count  = var.identities == null ? 0 : 1

  name        = local.wiring_name
  description = "Points the bounce and complaint notifications of SES identities at the topic."
  handler     = "ses_event_processing.functions.wire_identities.lambda_handler"
  package     = module.package.archives["ses_event_processing"]
  policies    = { wire-identities = data.aws_iam_policy_document.identity_wiring.json }
  # SES allows one call a second, so an identity takes two seconds. The next run wires the rest.
  timeout_seconds = 900
  on_failure      = { queue_arn = module.wiring_failures[0].queue_arn }
  operations      = local.operations
}

data "aws_iam_policy_document" "identity_wiring" {
  #checkov:skip=CKV_AWS_111:The actions know no resource; see the comment at the statement.
  #checkov:skip=CKV_AWS_356:The actions know no resource; see the comment at the statement.
  statement {
    sid = "WireIdentities"
    actions = [
      "ses:GetIdentityNotificationAttributes",
      "ses:ListEmailIdentities",
      "ses:SetIdentityNotificationTopic",
    ]

    # Service Authorization Reference, "Actions, resources, and condition keys for Amazon SES" and
    # "… for Amazon Simple Email Service v2": these actions do not support resource-level permissions.
    resources = ["*"]
  }
}

# Runs that failed, and runs that did not start.
module "wiring_failures" {
  source = "../internal/dead_letter_queue"
  count  = var.identities == null ? 0 : 1

  name       = local.wiring_name
  operations = local.operations
}

resource "aws_lambda_invocation" "identity_wiring" {
  count = var.identities == null ? 0 : 1

  function_name   = module.identity_wiring[0].function_name
  lifecycle_scope = "CRUD"
  input           = jsonencode(local.wiring)

  # SES checks the topic when an identity is wired. On destroy the identities are unwired before the
  # topic and the function's permissions are deleted.
  depends_on = [module.topic, module.identity_wiring]
}

resource "aws_scheduler_schedule" "identity_wiring" {
  #checkov:skip=CKV_AWS_297:The schedule holds no data; a customer managed key is used when kms_key is given.
  count = var.identities == null ? 0 : 1

  name                = local.wiring_name
  description         = "Wires SES identities that were verified since the last run."
  schedule_expression = var.identities.schedule
  kms_key_arn         = local.kms_key_arn

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = module.identity_wiring[0].function_arn
    role_arn = module.wiring_schedule_role[0].role_arn
    input    = jsonencode(local.wiring)

    dead_letter_config {
      arn = module.wiring_failures[0].queue_arn
    }

    retry_policy {
      maximum_event_age_in_seconds = 3600
      maximum_retry_attempts       = 10
    }
  }

  # On destroy the schedule is deleted before the identities are unwired, or it would wire them again.
  depends_on = [aws_lambda_invocation.identity_wiring]
}

module "wiring_schedule_role" {
  source = "../internal/schedule_role"
  count  = var.identities == null ? 0 : 1

  name                  = "${local.wiring_name}-schedule"
  description           = "Lets the schedule run the function ${local.wiring_name}."
  target                = { action = "lambda:InvokeFunction", arn = module.identity_wiring[0].function_arn }
  dead_letter_queue_arn = module.wiring_failures[0].queue_arn
  operations            = local.operations
}
