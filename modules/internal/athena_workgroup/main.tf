module "results_bucket" {
  source = "../bucket"

  name            = "${var.name}-results"
  expiration_days = { "" = var.athena.results_days }
  force_destroy   = var.force_destroy
  operations      = var.operations
}

resource "aws_athena_workgroup" "this" {
  name        = var.name
  description = var.description

  force_destroy = true # its history only: named queries are in Terraform, results in their bucket

  configuration {
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true
    bytes_scanned_cutoff_per_query     = var.athena.scan_limit_mb * 1024 * 1024

    engine_version {
      selected_engine_version = "Athena engine version 3"
    }

    result_configuration {
      output_location = "s3://${module.results_bucket.bucket_name}/${var.results_prefix}"

      encryption_configuration {
        encryption_option = var.operations.kms_key == null ? "SSE_S3" : "SSE_KMS"
        kms_key_arn       = one(var.operations.kms_key[*].arn)
      }
    }
  }

  tags = var.operations.tags
}
