# Email to the mailbox → receipt rule → function → reply. The table limits replies to one for each
# sender and window.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

data "aws_ses_active_receipt_rule_set" "this" {
  count = var.rule_set == null ? 1 : 0
}

locals {
  operations = {
    alarm              = var.alarm
    kms_key            = var.kms_key
    log_retention_days = var.log_retention_days
    tags               = var.tags
  }
  kms_key_arn = one(var.kms_key[*].arn)

  ses_arn  = "arn:${data.aws_partition.current.partition}:ses:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}"
  rule_set = var.rule_set == null ? data.aws_ses_active_receipt_rule_set.this[0].rule_set_name : var.rule_set.name

  mailboxes = [for recipient in var.recipients : recipient if strcontains(recipient, "@")]
  own       = join(",", distinct(concat(local.mailboxes, var.own_addresses)))
}

module "package" {
  source = "../internal/package"

  name     = var.name
  archives = ["ses_auto_reply"]
  packages = var.packages

  operations = local.operations
}

resource "aws_ses_receipt_rule" "this" {
  name          = var.name
  rule_set_name = local.rule_set
  after         = var.after
  recipients    = var.recipients
  enabled       = true
  scan_enabled  = true # without it there are no spam and virus verdicts to go by

  lambda_action {
    position        = 1
    function_arn    = module.function.function_arn
    invocation_type = "Event"
  }

  dynamic "stop_action" {
    for_each = var.stop_rule_set ? [2] : []

    content {
      position = stop_action.value
      scope    = "RuleSet"
    }
  }

  lifecycle {
    precondition {
      condition     = length(local.own) <= 3000
      error_message = "The addresses in recipients and own_addresses are ${length(local.own)} characters together, and only 3,000 fit in the function's environment. Name domains in own_addresses instead, or split the mailboxes over two copies of the module."
    }
  }

  # SES invokes the function as a test when the rule is created.
  depends_on = [module.function]
}

module "function" {
  source = "../internal/lambda_function"

  name            = "${var.name}-reply"
  description     = "Replies to an email by a template, or ignores it."
  handler         = "ses_auto_reply.functions.answer_mail.lambda_handler"
  package         = module.package.archives["ses_auto_reply"]
  timeout_seconds = 60
  environment = merge(
    {
      TABLE_NAME        = aws_dynamodb_table.answered.name
      TEMPLATE_NAME     = var.template.name
      TEMPLATE_SOURCE   = var.template.source
      TRUNCATED_HEADERS = var.truncated_headers
      WINDOW_HOURS      = var.window_hours
    },
    var.configuration_set == null ? {} : { CONFIGURATION_SET = var.configuration_set.name },
    var.from_address == null ? {} : { FROM_ADDRESS = var.from_address },
    length(local.own) == 0 ? {} : { OWN_ADDRESSES = local.own },
    local.hub == null ? {} : { PINPOINT_API_URL = local.hub.url },
  )
  invokers = {
    ses = {
      service    = "ses.amazonaws.com"
      source_arn = "${local.ses_arn}:receipt-rule-set/${local.rule_set}:receipt-rule/${var.name}"
    }
  }
  on_failure = { queue_arn = module.unanswered.queue_arn }
  policies = {
    claims   = data.aws_iam_policy_document.claims.json
    send     = data.aws_iam_policy_document.send.json
    template = data.aws_iam_policy_document.template.json
  }
  kms_actions = ["kms:Decrypt", "kms:GenerateDataKey"]
  operations  = local.operations
}

module "unanswered" {
  source = "../internal/dead_letter_queue"

  name       = "${var.name}-unanswered"
  operations = local.operations
}

# Senders who got a reply within the window, by a hash of the address.
resource "aws_dynamodb_table" "answered" {
  #checkov:skip=CKV_AWS_28:Worth no more than its window: what is lost costs a sender a second answer.
  #checkov:skip=CKV_AWS_119:DynamoDB encrypts with its own key; a customer managed one is used when kms_key is given.
  name         = "${var.name}-answered"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "pk"

  attribute {
    name = "pk"
    type = "S"
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = local.kms_key_arn
  }

  tags = var.tags
}
