locals {
  sends = var.email != null || var.sms != null || var.voice != null

  # The senders and configuration sets of email. SES compares a From address without its name.
  email_senders = flatten([
    for email in var.email[*] : concat(
      [{ from_address = email.from_address, identity_arn = email.identity_arn }],
      values(email.other_senders),
    )
  ])
  email_addresses = distinct([
    for sender in local.email_senders : replace(sender.from_address, "/^.*<|>$/", "")
  ])
  email_configuration_sets = merge(
    { for set in local.email_configuration_set[*] : "default" => set.name },
    var.email == null ? {} : { for key, set in var.email.other_configuration_sets : "other/${key}" => set.name },
  )

  # The names in the ARNs of sender IDs: sender-id/<name>/<country>.
  sms_sender_ids = distinct(flatten([
    for sms in var.sms[*] : [
      for arn in concat([sms.origination_identity_arn], sms.other_origination_identity_arns) :
      regexall(":sender-id/([^/]+)", arn)
    ]
  ]))

  # KMS actions for reading and writing where tables and files are encrypted with kms_key.
  data_kms_actions = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]

  # For each operation that AWS goes on answering: the resources of its IAM action, without the account.
  forwardable = jsondecode(file("${path.module}/forward.json"))
  # Operations on the same resources share a statement: the policies of a role may have 10,240
  # characters.
  forward_by_resources = { for name in distinct(var.forward) : join(" ", local.forwardable[name]) => name... }

  sms_arn_prefix = "arn:${local.partition}:sms-voice:${local.region}:${local.account_id}"
}

data "aws_iam_policy_document" "tables" {
  statement {
    sid = "KeepProjectsEndpointsAndRuns"
    actions = [
      "dynamodb:BatchGetItem",
      "dynamodb:BatchWriteItem",
      "dynamodb:ConditionCheckItem",
      "dynamodb:DeleteItem",
      "dynamodb:GetItem",
      "dynamodb:PutItem",
      "dynamodb:Query",
      "dynamodb:UpdateItem",
    ]
    resources = [for table in aws_dynamodb_table.this : table.arn]
  }
}

data "aws_iam_policy_document" "read_entities" {
  statement {
    sid       = "FindTheEventStreamOfAProject"
    actions   = ["dynamodb:GetItem"]
    resources = [aws_dynamodb_table.this["entities"].arn]
  }
}

data "aws_iam_policy_document" "work" {
  statement {
    sid       = "HandWorkFromStepToStep"
    actions   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    resources = ["${module.work_bucket.bucket_arn}/jobs/*", "${module.work_bucket.bucket_arn}/runs/*"]
  }

  statement {
    sid       = "FindWork"
    actions   = ["s3:ListBucket"]
    resources = [module.work_bucket.bucket_arn]
  }
}

data "aws_iam_policy_document" "undelivered_events" {
  statement {
    sid       = "KeepEventsThatAStreamRefuses"
    actions   = ["s3:PutObject"]
    resources = ["${module.work_bucket.bucket_arn}/undelivered-events/*"]
  }
}

data "aws_iam_policy_document" "customer_roles" {
  statement {
    sid     = "ActInTheRolesThatCallersName"
    actions = ["sts:AssumeRole"]
    # The path is the agreement: the owner of a role under it lets the hub use the role, and the
    # role's trust policy names the project as external id.
    resources = ["arn:${local.partition}:iam::${local.account_id}:role/engagement-hub/*"]
  }
}

data "aws_iam_policy_document" "send" {
  count = local.sends ? 1 : 0

  dynamic "statement" {
    for_each = var.email == null ? [] : ["email"]

    content {
      sid     = "SendEmailFromTheseAddresses"
      actions = ["ses:SendEmail", "ses:SendRawEmail"] # SES requires SendRawEmail for a raw message
      resources = concat(
        distinct([for sender in local.email_senders : sender.identity_arn]),
        [for name in values(local.email_configuration_sets) : "arn:${local.partition}:ses:${local.region}:${local.account_id}:configuration-set/${name}"],
      )

      condition {
        # The hub writes the domain of a From address in lower case.
        test     = "StringEqualsIgnoreCase"
        variable = "ses:FromAddress"
        values   = local.email_addresses
      }
    }
  }

  dynamic "statement" {
    for_each = var.sms[*]

    content {
      sid     = "SendTextsFromTheseIdentities"
      actions = ["sms-voice:SendMediaMessage", "sms-voice:SendTextMessage"]
      resources = concat(
        [statement.value.origination_identity_arn],
        statement.value.other_origination_identity_arns,
        [for set in statement.value.configuration_set[*] : "${local.sms_arn_prefix}:configuration-set/${set.name}"],
      )
    }
  }

  dynamic "statement" {
    for_each = var.voice == null ? [] : [var.voice]

    content {
      sid       = "CallFromOneIdentity"
      actions   = ["sms-voice:SendVoiceMessage"]
      resources = [statement.value.origination_identity_arn]
    }
  }
}

data "aws_iam_policy_document" "hooks" {
  count = length(var.campaign_function_arns) == 0 ? 0 : 1

  statement {
    sid     = "CallHooksAndCustomChannels"
    actions = ["lambda:InvokeFunction"]

    # Versions and aliases are resources with ARNs of their own, which the ARN of the function does not
    # cover: Lambda Developer Guide, "Fine-tuning the Resources and Conditions sections of policies".
    resources = flatten([for arn in var.campaign_function_arns : [arn, "${arn}:*"]])
  }
}

data "aws_iam_policy_document" "recommenders" {
  count = length(var.recommender_function_arns) == 0 ? 0 : 1

  statement {
    sid     = "TransformRecommendations"
    actions = ["lambda:InvokeFunction"]

    # With versions and aliases, as the statement CallHooksAndCustomChannels.
    resources = flatten([for arn in var.recommender_function_arns : [arn, "${arn}:*"]])
  }
}

data "aws_iam_policy_document" "forward" {
  count = length(var.forward) == 0 ? 0 : 1

  dynamic "statement" {
    for_each = local.forward_by_resources

    content {
      # "apps/{application-id}/channels/gcm" => "ForwardAppsChannelsGcm"
      sid     = "Forward${join("", [for word in regexall("[A-Za-z]+", replace(statement.key, "{application-id}", "")) : title(lower(word))])}"
      actions = [for name in statement.value : "mobiletargeting:${name}"]
      resources = [
        for resource in split(" ", statement.key) :
        "arn:${local.partition}:mobiletargeting:${local.region}:${local.account_id}:${replace(resource, "{application-id}", var.forward_project == null ? "" : var.forward_project.id)}"
      ]
    }
  }
}

data "aws_iam_policy_document" "start" {
  statement {
    sid       = "StartJobsAndRuns"
    actions   = ["states:StartExecution"]
    resources = values(local.state_machine_arns)
  }
}

data "aws_iam_policy_document" "purge" {
  statement {
    sid       = "OrderTheDeletionOfLists"
    actions   = ["states:StartExecution"]
    resources = [local.state_machine_arns.import]
  }
}

data "aws_iam_policy_document" "schedule" {
  statement {
    sid = "ScheduleRuns"
    actions = [
      "scheduler:CreateSchedule",
      "scheduler:DeleteSchedule",
      "scheduler:GetSchedule",
      "scheduler:UpdateSchedule",
    ]
    resources = ["arn:${local.partition}:scheduler:${local.region}:${local.account_id}:schedule/${aws_scheduler_schedule_group.this.name}/*"]
  }

  statement {
    sid       = "LetSchedulesStartRuns"
    actions   = ["iam:PassRole"]
    resources = [module.scheduler_role.role_arn]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["scheduler.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "import_steps" {
  statement {
    sid       = "RunTheSteps"
    actions   = ["lambda:InvokeFunction"]
    resources = [module.import_function.function_arn]
  }

  statement {
    sid       = "ReadTheListOfFiles"
    actions   = ["s3:GetObject"]
    resources = ["${module.work_bucket.bucket_arn}/jobs/*"]
  }

  statement {
    sid       = "ListThePieces"
    actions   = ["s3:ListBucket"]
    resources = [module.work_bucket.bucket_arn]
  }
}

data "aws_iam_policy_document" "export_steps" {
  statement {
    sid       = "RunTheSteps"
    actions   = ["lambda:InvokeFunction"]
    resources = [module.export_function.function_arn]
  }
}

data "aws_iam_policy_document" "campaign_steps" {
  statement {
    sid       = "RunTheSteps"
    actions   = ["lambda:InvokeFunction"]
    resources = [module.campaign_function.function_arn]
  }

  statement {
    sid       = "ListTheChunks"
    actions   = ["s3:ListBucket"]
    resources = [module.work_bucket.bucket_arn]
  }
}

module "scheduler_role" {
  source = "../internal/schedule_role"

  name                  = "${var.name}-schedules"
  description           = "Starts scheduled campaign runs of ${var.name}."
  target                = { action = "states:StartExecution", arn = local.state_machine_arns.campaign }
  dead_letter_queue_arn = local.schedule_dead_letter_arn
  schedule_group_arn    = aws_scheduler_schedule_group.this.arn
  operations            = local.operations
}

moved {
  from = aws_iam_role.scheduler
  to   = module.scheduler_role.aws_iam_role.this
}

moved {
  from = aws_iam_role_policy.scheduler
  to   = module.scheduler_role.aws_iam_role_policy.this
}
