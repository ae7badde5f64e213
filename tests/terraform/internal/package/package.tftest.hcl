mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name     = "import"
  archives = ["s3_triggered_import", "phone_number_validate"]
}

run "uploads_each_zip_under_its_hash" {
  command = apply

  assert {
    condition     = one(aws_s3_bucket.this).bucket == "import-packages-111122223333-eu-west-1"
    error_message = "The name carries account and region, because the namespace is global."
  }

  assert {
    condition = { for archive, object in aws_s3_object.this : archive => [object.bucket, object.key, object.source] } == {
      for archive in var.archives : archive => [
        one(aws_s3_bucket.this).id,
        "${filesha256("../../../dist/${archive}.zip")}/${archive}.zip",
        "./../../../dist/${archive}.zip",
      ]
    }
    error_message = "Each zip of this release must be uploaded once, under a key that names its content."
  }

  assert {
    condition = output.archives == {
      for archive in var.archives : archive => {
        bucket = one(aws_s3_bucket.this).id
        key    = "${filesha256("../../../dist/${archive}.zip")}/${archive}.zip"
      }
    }
    error_message = "Functions must be created from the uploaded objects."
  }

  assert {
    condition = output.packages == {
      for archive in var.archives : archive => {
        s3 = { bucket = one(aws_s3_bucket.this).id, prefix = "${filesha256("../../../dist/${archive}.zip")}/" }
      }
    }
    error_message = "Another module must find the same objects by its `packages` input."
  }
}

run "keeps_its_bucket_to_the_account_and_to_tls" {
  command = plan

  assert {
    condition = alltrue([
      one(aws_s3_bucket_public_access_block.this).block_public_acls,
      one(aws_s3_bucket_public_access_block.this).block_public_policy,
      one(aws_s3_bucket_public_access_block.this).ignore_public_acls,
      one(aws_s3_bucket_public_access_block.this).restrict_public_buckets,
    ])
    error_message = "Public access must be blocked in all four ways."
  }

  assert {
    condition = alltrue([
      one(data.aws_iam_policy_document.this).statement[0].effect == "Deny",
      one(one(data.aws_iam_policy_document.this).statement[0].condition).variable == "aws:SecureTransport",
      length(aws_s3_bucket_policy.this) == 1,
    ])
    error_message = "The bucket must refuse requests without TLS."
  }
}

run "takes_zips_of_the_callers_folder" {
  command = plan

  variables {
    packages = { directory = "../../../modules/../dist" }
  }

  assert {
    condition = { for archive, object in aws_s3_object.this : archive => object.source } == {
      s3_triggered_import   = "../../../modules/../dist/s3_triggered_import.zip"
      phone_number_validate = "../../../modules/../dist/phone_number_validate.zip"
    }
    error_message = "The zips must come from the folder that was named."
  }
}

run "looks_for_no_zip_of_this_release_where_a_folder_is_named" {
  command = plan

  variables {
    packages = { directory = "./tests" }
  }

  expect_failures = [aws_s3_object.this]
}

run "names_the_ways_out_where_a_zip_is_missing" {
  command = plan

  variables {
    archives = ["not_built"]
  }

  expect_failures = [aws_s3_object.this]
}

run "uploads_nothing_where_s3_holds_the_zips" {
  command = plan

  variables {
    packages = { s3 = { bucket = "releases", prefix = "due/1.0.0/" } }
  }

  assert {
    condition     = length(aws_s3_bucket.this) + length(aws_s3_bucket_policy.this) + length(aws_s3_bucket_public_access_block.this) + length(aws_s3_object.this) == 0
    error_message = "With zips in S3 nothing is made and nothing is uploaded."
  }

  assert {
    condition = output.archives == {
      s3_triggered_import   = { bucket = "releases", key = "due/1.0.0/s3_triggered_import.zip" }
      phone_number_validate = { bucket = "releases", key = "due/1.0.0/phone_number_validate.zip" }
    }
    error_message = "Functions must be created from the caller's objects."
  }
}

run "needs_no_zip_on_the_machine_where_s3_holds_them" {
  command = plan

  variables {
    archives = ["not_built"]
    packages = { s3 = { bucket = "releases" } }
  }

  assert {
    condition     = output.archives == { not_built = { bucket = "releases", key = "not_built.zip" } }
    error_message = "The prefix is empty by default, and no file is looked for."
  }
}

run "rejects_a_name_that_leaves_no_room_for_account_and_region" {
  command = plan

  variables {
    name = "a-name-of-twenty-seven-char"
  }

  expect_failures = [var.name]
}
