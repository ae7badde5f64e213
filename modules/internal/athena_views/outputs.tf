output "view_names" {
  description = "Names of the views."
  value       = keys(aws_glue_catalog_table.this)
}
