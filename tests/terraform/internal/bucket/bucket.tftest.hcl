mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name = "import-drop"
}

run "is_private_versioned_and_encrypted" {
  command = plan

  assert {
    condition     = aws_s3_bucket.this.bucket == "import-drop-111122223333-eu-west-1" && !aws_s3_bucket.this.force_destroy
    error_message = "The name carries account and region, and objects are not lost by a destroy."
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls,
      aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls,
      aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "Public access must be blocked in all four ways."
  }

  assert {
    condition     = aws_s3_bucket_ownership_controls.this.rule[0].object_ownership == "BucketOwnerEnforced" && aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "ACLs must be off and versions on."
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "Without a key S3 encrypts with its own."
  }

  assert {
    condition     = length(aws_s3_bucket_notification.this) == 0
    error_message = "Events are sent only when asked for."
  }
}

run "refuses_plain_http" {
  command = plan

  assert {
    condition     = data.aws_iam_policy_document.this.statement[0].effect == "Deny" && one(data.aws_iam_policy_document.this.statement[0].condition).variable == "aws:SecureTransport"
    error_message = "The bucket must refuse requests without TLS."
  }
}

run "expires_each_prefix_after_its_days" {
  command = plan

  variables {
    expiration_days = { "tmp/" = 1, "exports/" = 7 }
    eventbridge     = true
    operations      = { kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/k" } }
  }

  assert {
    condition = {
      for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule.filter[0].prefix => rule.expiration[0].days
      if rule.id != "tidy-up"
    } == { "tmp/" = 1, "exports/" = 7 }
    error_message = "Each prefix needs a rule of its own."
  }

  assert {
    condition     = aws_s3_bucket_notification.this[0].eventbridge
    error_message = "Events must go to EventBridge."
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).kms_master_key_id == var.operations.kms_key.arn
    error_message = "With a key the bucket must use it."
  }
}

run "rejects_an_expiration_of_no_days" {
  command = plan

  variables {
    expiration_days = { "tmp/" = 0 }
  }

  expect_failures = [var.expiration_days]
}

run "rejects_a_name_in_capitals" {
  command = plan

  variables {
    name = "Imports"
  }

  expect_failures = [var.name]
}

run "rejects_a_name_that_leaves_no_room_for_account_and_region" {
  command = plan

  variables {
    name = "a-bucket-name-of-thirty-six-letters-"
  }

  expect_failures = [var.name]
}

run "lets_a_service_in_for_one_source_and_no_further" {
  command = plan

  variables {
    services = {
      Reader = {
        service        = "cloudfront.amazonaws.com"
        source_arn     = "arn:aws:cloudfront::111122223333:distribution/E1"
        object_actions = ["s3:GetObject"]
        bucket_actions = ["s3:ListBucket"]
      }
      Logs = {
        service        = "logging.s3.amazonaws.com"
        source_arn     = "arn:aws:s3:::watched"
        object_actions = ["s3:PutObject"]
        prefix         = "logs/"
        conditions     = { "aws:SourceAccount" = "111122223333" }
      }
    }
  }

  override_resource {
    target          = aws_s3_bucket.this
    override_during = plan
    values          = { arn = "arn:aws:s3:::mock" }
  }

  assert {
    condition = {
      for statement in data.aws_iam_policy_document.this.statement : statement.sid => [statement.actions, statement.resources]
      if statement.effect != "Deny"
      } == {
      Logs         = [toset(["s3:PutObject"]), toset(["arn:aws:s3:::mock/logs/*"])]
      Reader       = [toset(["s3:GetObject"]), toset(["arn:aws:s3:::mock/*"])]
      ReaderBucket = [toset(["s3:ListBucket"]), toset(["arn:aws:s3:::mock"])]
    }
    error_message = "Actions on objects must end at the prefix, and actions on the bucket at the bucket."
  }

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.this.statement :
      contains([for condition in statement.condition : condition.variable], "aws:SourceArn")
      if statement.effect != "Deny"
    ])
    error_message = "A service must act for the named source only."
  }

  assert {
    condition = anytrue([
      for statement in data.aws_iam_policy_document.this.statement :
      contains([for condition in statement.condition : condition.variable], "aws:SourceAccount") && statement.sid == "Logs"
    ])
    error_message = "Further conditions must be in the statement."
  }
}

run "rejects_a_service_that_may_do_nothing" {
  command = plan

  variables {
    services = { Idle = { service = "logging.s3.amazonaws.com", source_arn = "arn:aws:s3:::watched" } }
  }

  expect_failures = [var.services]
}

run "locks_every_object_for_the_days_of_its_mode" {
  command = plan

  variables { object_lock = { mode = "COMPLIANCE", days = 30 } }

  assert {
    condition = alltrue([
      aws_s3_bucket.this.object_lock_enabled,
      one(one(aws_s3_bucket_object_lock_configuration.this[0].rule).default_retention).mode == "COMPLIANCE",
      one(one(aws_s3_bucket_object_lock_configuration.this[0].rule).default_retention).days == 30,
    ])
    error_message = "The bucket must lock new objects."
  }
}

run "moves_large_objects_of_a_prefix_to_glacier" {
  command = plan

  variables {
    transitions = { "archive/" = { after_days = 90, storage_class = "GLACIER_IR", larger_than_bytes = 131072 } }
  }

  assert {
    condition = [
      for rule in aws_s3_bucket_lifecycle_configuration.this.rule : [
        rule.filter[0].and[0].prefix,
        rule.filter[0].and[0].object_size_greater_than,
        one(rule.transition).storage_class,
        one(rule.transition).days,
      ] if rule.id == "transition-archive/"
    ] == [["archive/", 131072, "GLACIER_IR", 90]]
    error_message = "Small objects stay: each costs more in Glacier."
  }
}
