"""The AWS provider against the receipt rules of the local AWS: nothing drifts, nothing is left."""

import zipfile
from pathlib import Path

from builders.local_server import LocalServer
from builders.terraform import terraform_on

RESOURCES = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {
  region = "us-east-1"
}

variable "first" {
  type    = string
  default = "bulk"
}

variable "recipients" {
  type    = list(string)
  default = ["no-reply@example.com", "example.net", ".example.org"]
}

data "aws_caller_identity" "this" {}

locals {
  account = data.aws_caller_identity.this.account_id
  rules   = "arn:aws:ses:us-east-1:${local.account}:receipt-rule-set/mail:receipt-rule"
}

resource "aws_iam_role" "this" {
  name = "reply"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_lambda_function" "this" {
  function_name = "reply"
  role          = aws_iam_role.this.arn
  runtime       = "python3.13"
  handler       = "app.handler"
  filename      = "${path.module}/reply.zip"
}

resource "aws_lambda_permission" "this" {
  function_name  = aws_lambda_function.this.function_name
  action         = "lambda:InvokeFunction"
  principal      = "ses.amazonaws.com"
  source_account = local.account
  source_arn     = "${local.rules}/reply"
}

resource "aws_s3_bucket" "this" {
  bucket        = "received"
  force_destroy = true
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.bucket
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ses.amazonaws.com" }
      Action    = "s3:PutObject"
      Resource  = "${aws_s3_bucket.this.arn}/inbound/*"
      Condition = { StringEquals = { "aws:SourceArn" = "${local.rules}/bulk" } }
    }]
  })
}

resource "aws_ses_receipt_rule_set" "this" {
  rule_set_name = "mail"
}

resource "aws_ses_active_receipt_rule_set" "this" {
  rule_set_name = aws_ses_receipt_rule_set.this.rule_set_name
}

data "aws_ses_active_receipt_rule_set" "this" {
  depends_on = [aws_ses_active_receipt_rule_set.this]
}

resource "aws_ses_receipt_rule" "bulk" {
  name          = "bulk"
  rule_set_name = aws_ses_receipt_rule_set.this.rule_set_name
  recipients    = ["bulk@example.com"]
  enabled       = false
  scan_enabled  = false

  s3_action {
    bucket_name       = aws_s3_bucket.this.bucket
    object_key_prefix = "inbound/"
    position          = 1
  }

  depends_on = [aws_s3_bucket_policy.this]
}

resource "aws_ses_receipt_rule" "reply" {
  name          = "reply"
  rule_set_name = data.aws_ses_active_receipt_rule_set.this.rule_set_name
  after         = var.first
  recipients    = var.recipients
  enabled       = true
  scan_enabled  = true
  tls_policy    = "Require"

  add_header_action {
    header_name  = "X-Seen"
    header_value = "yes & no"
    position     = 1
  }

  lambda_action {
    function_arn    = aws_lambda_function.this.arn
    invocation_type = "Event"
    position        = 2
  }

  stop_action {
    scope    = "RuleSet"
    position = 3
  }

  depends_on = [aws_lambda_permission.this, aws_ses_receipt_rule.bulk]
}

output "active" {
  value = data.aws_ses_active_receipt_rule_set.this.rule_set_name
}
"""


def test_receipt_rules_apply_plan_nothing_more_change_and_are_destroyed(
    local_aws: LocalServer, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "reply.zip", "w") as archive:
        archive.writestr("app.py", "def handler(event, context): pass")
    (tmp_path / "main.tf").write_text(RESOURCES)
    terraform, ses = terraform_on(local_aws, tmp_path), local_aws.client("ses")

    initialised = terraform("init")
    applied = terraform("apply", "-auto-approve")
    active = ses.describe_active_receipt_rule_set()
    planned = terraform("plan", "-detailed-exitcode")
    other = ["-var=first=", '-var=recipients=["example.com"]']
    changed = terraform("apply", "-auto-approve", *other)
    then = ses.describe_active_receipt_rule_set()["Rules"]
    planned_again = terraform("plan", "-detailed-exitcode", *other)
    destroyed = terraform("destroy", "-auto-approve", *other)

    assert initialised.returncode == 0, initialised.stderr
    assert applied.returncode == 0, applied.stderr
    assert active["Metadata"]["Name"] == "mail"
    assert [rule["Name"] for rule in active["Rules"]] == ["bulk", "reply"]
    assert planned.returncode == 0, planned.stdout
    assert changed.returncode == 0, changed.stderr
    assert [(rule["Name"], rule["Recipients"]) for rule in then] == [
        ("reply", ["example.com"]),
        ("bulk", ["bulk@example.com"]),
    ]
    assert planned_again.returncode == 0, planned_again.stdout
    assert destroyed.returncode == 0, destroyed.stderr
    assert ses.list_receipt_rule_sets()["RuleSets"] == []
    assert local_aws.client("s3").list_buckets()["Buckets"] == []
