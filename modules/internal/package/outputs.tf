output "archives" {
  description = "S3 object of each zip by the name of its architecture, for the `package` input of lambda_function."
  value = {
    for archive in var.archives : archive => (
      var.packages.s3 == null
      ? { bucket = aws_s3_object.this[archive].bucket, key = aws_s3_object.this[archive].key }
      : { bucket = var.packages.s3.bucket, key = "${var.packages.s3.prefix}${archive}.zip" }
    )
  }
}

output "packages" {
  description = "Location of each zip by the name of its architecture, for the `packages` input of a module."
  value = {
    for archive in var.archives : archive => {
      s3 = var.packages.s3 != null ? var.packages.s3 : {
        bucket = aws_s3_object.this[archive].bucket
        prefix = "${local.hashes[archive]}/"
      }
    }
  }

  # The other module creates a function from the object.
  depends_on = [aws_s3_object.this]
}
