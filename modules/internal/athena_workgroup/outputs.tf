output "results_bucket_arn" {
  description = "ARN of the bucket of query results."
  value       = module.results_bucket.bucket_arn
}

output "results_bucket_name" {
  description = "Name of the bucket of query results."
  value       = module.results_bucket.bucket_name
}

output "workgroup_arn" {
  description = "ARN of the workgroup."
  value       = aws_athena_workgroup.this.arn
}

output "workgroup_name" {
  description = "Name of the workgroup."
  value       = aws_athena_workgroup.this.name
}
