# Campaign or journey → intake → queue → contact → Amazon Connect, WhatsApp or a channel of yours, in
# the hours of each endpoint's time zone and at the channel's pace.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  operations = {
    alarm              = var.alarm
    kms_key            = var.kms_key
    log_retention_days = var.log_retention_days
    tags               = var.tags
  }

  timeout_seconds = 180

  # One channel is given; the others are null.
  channel = one(concat(
    [for connect in var.channel.connect[*] : {
      name     = "connect"
      rate     = connect.calls_per_second
      settings = jsonencode({ for name, value in connect : name => value if value != null && name != "calls_per_second" })
    }],
    [for whatsapp in var.channel.whatsapp[*] : {
      name = "whatsapp"
      rate = whatsapp.messages_per_second
      settings = jsonencode(merge(
        { phone_number_id = whatsapp.phone_number_arn, meta_api_version = whatsapp.meta_api_version },
        whatsapp.template == null ? {} : { template = whatsapp.template.name, language = whatsapp.template.language },
      ))
    }],
    [for other in var.channel.other[*] : {
      name     = other.name
      rate     = other.contacts_per_second
      settings = jsonencode(other.settings)
    }],
  ))

  channel_environment = {
    CHANNEL          = local.channel.name
    CHANNEL_SETTINGS = local.channel.settings
  }
}

module "package" {
  source = "../internal/package"

  name     = var.name
  archives = ["connect_campaign_channel"]
  packages = var.packages

  operations = local.operations
}

module "intake" {
  source = "../internal/campaign_channel"

  name          = var.name
  campaign_role = var.campaign_role
  pinpoint      = var.pinpoint
  function = {
    handler     = "connect_campaign_channel.functions.take.lambda_handler"
    description = "Queues the endpoints that campaigns and journeys give to the channel."
  }
  package     = module.package.archives["connect_campaign_channel"]
  environment = merge(local.channel_environment, { PROJECT_ID = var.pinpoint.project_id })
  queue = {
    visibility_timeout_seconds = 6 * local.timeout_seconds
    max_receive_count          = 10
  }
  operations = local.operations
}

module "access" {
  source = "../internal/pinpoint_access"

  pinpoint       = var.pinpoint
  api_operations = ["GetEndpoint", "PutEvents"]
}

# The pace of all invocations together, and a claim for each endpoint and run.
resource "aws_dynamodb_table" "contacts" {
  #checkov:skip=CKV_AWS_28:Claims expire after 15 days; a lost claim costs an endpoint a second contact at most while its message is in the queue.
  #checkov:skip=CKV_AWS_119:DynamoDB encrypts with its own key; a customer managed one is used when kms_key is given.
  name         = "${var.name}-contacts"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "pk"
  range_key    = "sk"

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "sk"
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

module "contact" {
  source = "../internal/lambda_function"

  name            = "${var.name}-contact"
  description     = "Contacts endpoints at the channel's pace, and reports the outcomes."
  handler         = "connect_campaign_channel.functions.contact.lambda_handler"
  package         = module.package.archives["connect_campaign_channel"]
  timeout_seconds = local.timeout_seconds
  memory_mb       = 512
  environment = merge(
    module.access.environment,
    local.channel_environment,
    {
      CONTACTS_PER_SECOND = tostring(local.channel.rate)
      MAX_AGE_HOURS       = tostring(var.max_age_hours)
      QUEUE_URL           = module.intake.queue_url
      TABLE               = aws_dynamodb_table.contacts.name
      TIMEOUT_SECONDS     = tostring(local.timeout_seconds)
    },
    var.calling_hours == null ? {} : { CALLING_HOURS = jsonencode(var.calling_hours) },
  )
  policies = merge(
    {
      claims   = data.aws_iam_policy_document.claims.json
      pinpoint = module.access.policy_json
      queue    = data.aws_iam_policy_document.queue.json
    },
    var.channel.connect == null ? {} : { connect = data.aws_iam_policy_document.connect[0].json },
    var.channel.whatsapp == null ? {} : { whatsapp = data.aws_iam_policy_document.whatsapp[0].json },
    { for other in var.channel.other[*] : "channel" => other.policy.json if other.policy != null },
  )
  kms_actions = ["kms:Decrypt", "kms:GenerateDataKey"] # the queue and the table
  # A waiting message is queued again after some receipts.
  recursive_loop_allowed = true
  operations             = local.operations
}

resource "aws_lambda_event_source_mapping" "endpoints" {
  function_name    = module.contact.function_arn
  event_source_arn = module.intake.queue_arn

  # A batch is the work of ten seconds at most, so that its last message has time left.
  batch_size              = max(1, min(10, floor(local.channel.rate * 10)))
  function_response_types = ["ReportBatchItemFailures"]

  # An invocation makes about four contacts in a second; more than that would wait for the pace.
  scaling_config {
    maximum_concurrency = max(2, ceil(local.channel.rate / 4))
  }

  tags = var.tags

  # Lambda checks the permissions of the role when it creates the mapping.
  depends_on = [module.contact]
}

# A setting that Connect refuses for every number, such as a source number of another instance, fails
# each contact by itself.
resource "aws_cloudwatch_metric_alarm" "failing" {
  alarm_name        = "${var.name}-failing"
  alarm_description = "More contacts fail than are accepted: see the reasons in the events custom_channel.failed, and correct the campaign or the settings of the channel."

  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  metric_query {
    id          = "failing"
    expression  = "IF(FILL(failed, 0) >= 10 AND FILL(failed, 0) > FILL(accepted, 0), 1, 0)"
    label       = "Most contacts fail"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { failed = "FailedContacts", accepted = "AcceptedContacts" }

    content {
      id = metric_query.key

      metric {
        namespace   = "ConnectCampaignChannel"
        metric_name = metric_query.value
        dimensions  = { FunctionName = module.contact.function_name }
        stat        = "Sum"
        period      = 900
      }
    }
  }

  alarm_actions = var.alarm[*].topic_arn

  tags = var.tags
}
