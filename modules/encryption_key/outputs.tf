output "alias_name" {
  description = "Alias of the key: `alias/` and the name."
  value       = aws_kms_alias.this.name
}

output "kms_key" {
  description = "Key, for the `kms_key` input of every module: its ARN."
  value       = { arn = aws_kms_key.this.arn }
}
