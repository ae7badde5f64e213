locals {
  hub = var.template.source == "PINPOINT" && var.pinpoint != null ? var.pinpoint.api : null

  # Replies are sent from the address that received the email; for SES a labelled address ("help+x@…")
  # is the same address. Without recipients it can be any address of the identities.
  written_to = length(var.recipients) > 0 ? var.recipients : [for arn in var.identity_arns : split("/", arn)[1]]
  senders = var.from_address != null ? [var.from_address] : distinct(flatten([
    for recipient in local.written_to : (
      strcontains(recipient, "@") ? [recipient, replace(recipient, "@", "+*@")]
      : startswith(recipient, ".") ? ["*@*${recipient}"]
      : length(var.recipients) > 0 ? ["*@${recipient}"] : ["*@${recipient}", "*@*.${recipient}"]
    )
  ]))

  # An IAM role takes 10,240 characters of inline policies: 2,700 are for the other statements.
  # Recipients are known at plan even where ARNs of identities are not. Each entry has two quotation
  # marks and a comma.
  sender_characters   = length(join("", local.senders)) + 3 * length(local.senders)
  identity_arns       = concat(var.identity_arns, var.recipient_identity_arns)
  identity_characters = length(join("", local.identity_arns)) + 3 * length(local.identity_arns)

  mobiletargeting_arn = "arn:${data.aws_partition.current.partition}:mobiletargeting:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}"

  # pinpoint_access allows an operation on all templates; this policy allows a single template.
  read_template = (
    var.template.source == "SES" ? { action = "ses:GetEmailTemplate", resource = "${local.ses_arn}:template/${var.template.name}" }
    : local.hub == null ? { action = "mobiletargeting:GetEmailTemplate", resource = "${local.mobiletargeting_arn}:templates/${var.template.name}/EMAIL" }
    : { action = "execute-api:Invoke", resource = "${local.hub.execution_arn}/*/GET/v1/templates/${var.template.name}/email" }
  )
}

data "aws_iam_policy_document" "claims" {
  statement {
    sid       = "ClaimReleaseAndRecordAnswers"
    actions   = ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"]
    resources = [aws_dynamodb_table.answered.arn]
  }
}

data "aws_iam_policy_document" "send" {
  statement {
    sid = "SendFromTheMailbox"

    # SES API v2's SendEmail requires SendRawEmail for a raw MIME message.
    actions = ["ses:SendRawEmail"]
    resources = concat(
      local.identity_arns,
      [for set in var.configuration_set[*] : "${local.ses_arn}:configuration-set/${set.name}"],
    )

    condition {
      test     = "StringLike"
      variable = "ses:FromAddress"
      values   = local.senders
    }
  }

  lifecycle {
    precondition {
      condition     = local.sender_characters <= 5500
      error_message = "The addresses that replies are sent from have ${local.sender_characters} characters, and only 5,500 fit: IAM takes 10,240 characters of inline policies of a role. Give from_address, name domains instead of addresses in recipients, or split the mailboxes over two copies of the module."
    }

    precondition {
      condition     = local.identity_characters <= 2000
      error_message = "identity_arns and recipient_identity_arns have ${local.identity_characters} characters, and only 2,000 fit: IAM takes 10,240 characters of inline policies of a role. Name the identity of a domain instead of its addresses, or split the mailboxes over two copies of the module."
    }
  }
}

data "aws_iam_policy_document" "template" {
  statement {
    sid       = "ReadTheTemplate"
    actions   = [local.read_template.action]
    resources = [local.read_template.resource]
  }
}
