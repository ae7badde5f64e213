data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  # Built, because a policy inside a queue or topic cannot refer to it.
  arn = "arn:${data.aws_partition.current.partition}:${var.service}:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:${var.name}"

  # What a publisher does, and what nobody does without TLS: SNS takes no sns:* in a topic's policy.
  # The refusal names everybody and, for SQS, everything, on purpose: it takes rights away, gives none.
  publishes = { sns = "sns:Publish", sqs = "sqs:SendMessage" }[var.service]
  guarded   = { sns = "sns:Publish", sqs = "sqs:*" }[var.service]

  refusal = {
    Sid       = "RefuseUnencryptedTransport"
    Effect    = "Deny"
    Principal = "*"
    Action    = local.guarded
    Resource  = local.arn
    Condition = { Bool = { "aws:SecureTransport" = "false" } }
  }

  # Services that publish to topics say for which account: SNS Developer Guide, "aws:SourceAccount
  # versus aws:SourceOwner". SNS itself, which sends to queues, says the topic alone, and a topic's
  # ARN names its account.
  for_this_account = { sns = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }, sqs = {} }[var.service]

  permissions = [
    for key, publisher in var.publishers : {
      # "import-rule" => "TakeImportRule"
      Sid       = "Take${replace(title(replace(key, "/[^A-Za-z0-9]+/", " ")), " ", "")}"
      Effect    = "Allow"
      Principal = { Service = publisher.service }
      Action    = local.publishes
      Resource  = local.arn
      Condition = merge({ ArnLike = { "aws:SourceArn" = publisher.source_arn } }, local.for_this_account)
    }
  ]
}
