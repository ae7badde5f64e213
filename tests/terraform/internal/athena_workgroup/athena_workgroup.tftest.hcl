mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name        = "news-events"
  description = "Queries of news."
}

run "limits_what_a_query_may_scan_and_where_its_result_goes" {
  command = apply

  assert {
    condition = alltrue([
      aws_athena_workgroup.this.name == "news-events",
      one(aws_athena_workgroup.this.configuration).enforce_workgroup_configuration,
      one(aws_athena_workgroup.this.configuration).bytes_scanned_cutoff_per_query == 10 * 1024 * 1024 * 1024,
      one(one(aws_athena_workgroup.this.configuration).engine_version).selected_engine_version == "Athena engine version 3",
      one(one(aws_athena_workgroup.this.configuration).result_configuration).output_location == "s3://news-events-results-111122223333-eu-west-1/",
      one(one(one(aws_athena_workgroup.this.configuration).result_configuration).encryption_configuration).encryption_option == "SSE_S3",
      output.results_bucket_name == "news-events-results-111122223333-eu-west-1",
    ])
    error_message = "No query may scan more than 10 GB, or put its result elsewhere."
  }
}

run "encrypts_results_with_the_key_and_keeps_them_under_the_prefix" {
  command = plan

  variables {
    results_prefix = "results/"
    operations     = { kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/1" } }
  }

  assert {
    condition = alltrue([
      one(one(aws_athena_workgroup.this.configuration).result_configuration).output_location == "s3://news-events-results-111122223333-eu-west-1/results/",
      one(one(one(aws_athena_workgroup.this.configuration).result_configuration).encryption_configuration).encryption_option == "SSE_KMS",
      one(one(one(aws_athena_workgroup.this.configuration).result_configuration).encryption_configuration).kms_key_arn == "arn:aws:kms:eu-west-1:111122223333:key/1",
    ])
    error_message = "Results must be under the key and the prefix."
  }
}

run "rejects_a_limit_that_athena_does_not_take" {
  command = plan

  variables { athena = { scan_limit_mb = 9 } }

  expect_failures = [var.athena]
}

run "rejects_a_part_of_a_day" {
  command = plan

  variables { athena = { results_days = 0.5 } }

  expect_failures = [var.athena]
}

run "rejects_a_prefix_that_does_not_end_in_a_slash_and_a_name_that_a_bucket_cannot_have" {
  command = plan

  variables {
    name           = "News"
    results_prefix = "results"
  }

  expect_failures = [var.results_prefix, var.name]
}
