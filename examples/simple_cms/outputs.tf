output "bucket" {
  description = "Bucket of the site."
  value       = module.site.bucket_name
}

output "dead_letter_queue_urls" {
  description = "Dead-letter queues by path; each is empty in normal operation."
  value       = module.site.dead_letter_queue_urls
}

output "distribution_domain_name" {
  description = "Domain name of the distribution."
  value       = module.site.distribution_domain_name
}

output "distribution_id" {
  description = "ID of the distribution."
  value       = module.site.distribution_id
}

output "log_bucket" {
  description = "Bucket of the access logs."
  value       = module.site.log_bucket_name
}

output "public_warning" {
  description = "Warning about the audience of the bucket."
  value       = module.site.public_warning
}

output "url" {
  description = "URL of the site."
  value       = module.site.url
}
