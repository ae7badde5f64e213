# Key policy. The roles of the modules have their KMS permissions in their own policies; this policy is
# for services that use the key as themselves.

locals {
  # Services that publish to encrypted topics and send aws:SourceAccount to KMS: SNS Developer Guide,
  # "Enable compatibility between event sources from AWS services and encrypted topics"; SES Developer
  # Guide, "Set up an Amazon SNS event destination for event publishing"; End User Messaging SMS User
  # Guide, "Amazon SNS access policy".
  publishers = ["cloudwatch.amazonaws.com", "ses.amazonaws.com", "sms-voice.amazonaws.com"]

  # Services that use the key for the principal that applies Terraform.
  services_of_deployers = [
    for service in ["dynamodb", "firehose", "kinesis", "lambda", "s3", "scheduler", "sns", "sqs", "states"] :
    "${service}.${local.region}.amazonaws.com"
  ]
}

data "aws_iam_policy_document" "this" {
  #checkov:skip=CKV_AWS_109:In a key policy "*" is this key, and the account's root is how its administrators reach it.
  #checkov:skip=CKV_AWS_111:In a key policy "*" is this key.
  #checkov:skip=CKV_AWS_356:In a key policy "*" is this key.

  # KMS Developer Guide, "Default key policy": with this statement the IAM policies of administrators and
  # of the modules' roles count.
  statement {
    sid       = "IamPoliciesOfTheAccountCount"
    actions   = ["kms:*"]
    resources = ["*"] # KMS Developer Guide, "Key policies": it is the key that the policy belongs to.

    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account_id}:root"]
    }
  }

  # CloudWatch Logs User Guide, "Encrypt log data in CloudWatch Logs using AWS Key Management Service".
  statement {
    sid       = "LogGroupsOfTheAccount"
    actions   = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.${local.region}.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = ["arn:${local.partition}:logs:${local.region}:${local.account_id}:log-group:*"]
    }
  }

  # Step Functions Developer Guide, "Data at rest encryption": the log of an encrypted state machine is
  # handed over encrypted.
  statement {
    sid       = "LogsOfStateMachines"
    actions   = ["kms:Decrypt"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["delivery.logs.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:EncryptionContext:SourceArn"
      values   = ["arn:${local.partition}:logs:${local.region}:${local.account_id}:*"]
    }
  }

  # EventBridge sends KMS no source, so the condition names the queues: SQS sends the ARN of the queue as
  # encryption context. The policy of a queue names the rule.
  statement {
    sid       = "RulesSendToQueuesOfTheAccount"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:sqs:arn"
      values   = ["arn:${local.partition}:sqs:${local.region}:${local.account_id}:*"]
    }
  }

  # SNS Developer Guide, "Enable server-side encryption for an Amazon SNS topic with an encrypted Amazon
  # SQS queue subscribed".
  statement {
    sid       = "TopicsOfTheAccountSendToQueues"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["sns.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:sns:${local.region}:${local.account_id}:*"]
    }
  }

  # CloudFront Developer Guide, "Restrict access to an Amazon S3 origin", SSE-KMS: the key exists before the
  # distributions, so the condition names every distribution of the account. The bucket policy names one.
  statement {
    sid       = "DistributionsOfTheAccountReadBuckets"
    actions   = ["kms:Decrypt"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["cloudfront.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:cloudfront::${local.account_id}:distribution/*"]
    }
  }

  # The policy of a topic decides which source may publish.
  statement {
    sid       = "ServicesPublishForThisAccount"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = local.publishers
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }
  }

  dynamic "statement" {
    for_each = length(var.deployers) == 0 ? [] : [values(var.deployers)]

    content {
      sid       = "DeployersUseTheKeyThroughServices"
      actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*"]
      resources = ["*"]

      principals {
        type        = "AWS"
        identifiers = statement.value
      }

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = local.services_of_deployers
      }
    }
  }

  # DynamoDB, Firehose and Lambda use the key by a grant, which the creator of the table, stream or
  # function makes.
  dynamic "statement" {
    for_each = length(var.deployers) == 0 ? [] : [values(var.deployers)]

    content {
      sid       = "DeployersMakeGrantsForServices"
      actions   = ["kms:CreateGrant"]
      resources = ["*"]

      principals {
        type        = "AWS"
        identifiers = statement.value
      }

      condition {
        test     = "Bool"
        variable = "kms:GrantIsForAWSResource"
        values   = ["true"]
      }
    }
  }
}
