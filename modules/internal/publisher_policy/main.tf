data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  # Built, because the policy of a queue or topic cannot refer to the resource that it belongs to.
  arn = "arn:${data.aws_partition.current.partition}:${var.service}:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:${var.name}"

  # Actions that a publisher is allowed, and actions that are denied without TLS: SNS accepts no
  # sns:* in a topic policy. The denial names every principal and, for SQS, every action, because it
  # only removes permissions.
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

  # Services that publish to topics send aws:SourceAccount: SNS Developer Guide, "aws:SourceAccount
  # versus aws:SourceOwner". SNS, which sends to queues, sends the ARN of the topic alone, which names
  # the account.
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
