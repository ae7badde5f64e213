module "workgroup" {
  source = "../athena_workgroup"

  name          = var.name
  description   = "Queries of the database ${local.database_name}."
  athena        = var.athena
  force_destroy = var.force_destroy
  operations    = var.operations
}

moved {
  from = aws_athena_workgroup.this
  to   = module.workgroup.aws_athena_workgroup.this
}

moved {
  from = module.results_bucket
  to   = module.workgroup.module.results_bucket
}

resource "aws_athena_named_query" "this" {
  for_each = var.queries

  name        = each.key
  description = join(" ", flatten(regexall("--[ ]*([^\n]*)", regex("^(?:--[^\n]*\n)+", each.value))))
  workgroup   = module.workgroup.workgroup_name
  database    = aws_glue_catalog_database.this.name
  query       = each.value
}
