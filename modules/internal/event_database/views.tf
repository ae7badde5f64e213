module "views" {
  source = "../athena_views"

  database_name = aws_glue_catalog_database.this.name
  views         = var.views
}

moved {
  from = aws_glue_catalog_table.view
  to   = module.views.aws_glue_catalog_table.this
}
