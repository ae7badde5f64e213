output "bucket_name" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.this.bucket

  # A write before the settings would leave an object without a version or under the wrong key.
  depends_on = [
    aws_s3_bucket_object_lock_configuration.this,
    aws_s3_bucket_policy.this,
    aws_s3_bucket_server_side_encryption_configuration.this,
    aws_s3_bucket_versioning.this,
  ]
}

output "bucket_arn" {
  description = "ARN of the bucket."
  value       = aws_s3_bucket.this.arn

  depends_on = [
    aws_s3_bucket_object_lock_configuration.this,
    aws_s3_bucket_policy.this,
    aws_s3_bucket_server_side_encryption_configuration.this,
    aws_s3_bucket_versioning.this,
  ]
}

output "regional_domain_name" {
  description = "Domain name of the bucket in its region. A distribution needs it before the bucket policy can name the distribution."
  value       = aws_s3_bucket.this.bucket_regional_domain_name
}
