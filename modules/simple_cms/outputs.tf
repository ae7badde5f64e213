output "bucket_arn" {
  description = "ARN of the bucket of the site."
  value       = module.bucket.bucket_arn
}

output "bucket_name" {
  description = "Name of the bucket of the site. A key is the path of the URL without the first slash."
  value       = module.bucket.bucket_name
}

output "dead_letter_queue_urls" {
  description = "Dead-letter queues of the invalidation: `changes` for changes that were not invalidated, `events` for events that did not reach the queue. Empty without invalidation."
  value = {
    for name, url in {
      changes = one(values(module.changes)[*].dead_letter_queue_url)
      events  = one(values(module.undelivered)[*].queue_url)
    } : name => url if var.invalidation != null
  }
}

output "distribution_arn" {
  description = "ARN of the distribution."
  value       = aws_cloudfront_distribution.this.arn
}

output "distribution_domain_name" {
  description = "Domain name of the distribution, for the alias records of `domain.names`."
  value       = aws_cloudfront_distribution.this.domain_name
}

output "distribution_hosted_zone_id" {
  description = "Route 53 zone ID of the distribution, for the alias records of `domain.names`."
  value       = aws_cloudfront_distribution.this.hosted_zone_id
}

output "distribution_id" {
  description = "ID of the distribution, for invalidations by hand."
  value       = aws_cloudfront_distribution.this.id
}

output "log_bucket_name" {
  description = "Name of the bucket of the access logs."
  value       = module.log_bucket.bucket_name
}

output "public_warning" {
  description = "Warning about the audience of the bucket."
  value       = "Every object in the bucket ${module.bucket.bucket_name} is public: every program on the internet can read it below ${local.url} without signing in. Keep other data in another bucket."
}

output "url" {
  description = "URL of the site, with the first name of `domain` or with the domain name of the distribution."
  value       = local.url

  # The first viewer needs the permission of the distribution.
  depends_on = [module.bucket]
}
