# A view is a .sql file. The comment at its head is its description and the list of its columns:
#
#   -- One row per hard bounce and recipient.
#   -- columns:
#   --   event_timestamp timestamp
#   --   destination array<string>
#   SELECT …
#
# Athena reads the columns of a view from the catalog, so that Terraform can create the view without
# running a statement.
locals {
  view_heads   = { for name, sql in var.views : name => regex("^(?:--[^\n]*\n)*", sql) }
  view_bodies  = { for name, sql in var.views : name => trimsuffix(trimspace(substr(sql, length(local.view_heads[name]), -1)), ";") }
  view_parts   = { for name, head in local.view_heads : name => split("-- columns:\n", head) }
  view_texts   = { for name, parts in local.view_parts : name => join(" ", flatten(regexall("--[ ]*([^\n]*)", parts[0]))) }
  column_lines = { for name, parts in local.view_parts : name => compact(split("\n", join("", slice(parts, 1, length(parts))))) }

  column_line = "^--[ ]+([a-z_][a-z0-9_]*)[ ]+([a-z][a-z0-9_<>,:()]*)[ ]*$"

  view_columns = {
    for name, lines in local.column_lines : name => [
      for line in lines : { name = regex(local.column_line, line)[0], type = regex(local.column_line, line)[1] } if can(regex(local.column_line, line))
    ]
  }

  # Hive's types => Trino's types. A word is a type if a comma, a bracket or the end follows. A member
  # of a struct, which may have the name of a type, is followed by a colon. Members are quoted, as in
  # Trino's own text: some have names such as `from`.
  presto_steps = { for name, columns in local.view_columns : name => [for column in columns : replace(replace(column.type, "struct<", "row<"), "/\\bstring([,>]|$)/", "varchar$1")] }
  presto_words = { for name, types in local.presto_steps : name => [for type in types : replace(replace(type, "/\\bint([,>]|$)/", "integer$1"), "/\\bfloat([,>]|$)/", "real$1")] }
  presto_times = { for name, types in local.presto_words : name => [for type in types : replace(replace(type, "/\\bbinary([,>]|$)/", "varbinary$1"), "/\\btimestamp([,>]|$)/", "timestamp(3)$1")] }
  presto_types = { for name, types in local.presto_times : name => [for type in types : replace(replace(replace(type, "/([a-z0-9_]+):/", "\"$1\" "), "<", "("), ">", ")")] }

  # Text that Athena stores for CREATE VIEW.
  presto_views = {
    for name, columns in local.view_columns : name => {
      originalSql = local.view_bodies[name]
      catalog     = "awsdatacatalog"
      schema      = var.database_name
      columns     = [for index, column in columns : { name = column.name, type = local.presto_types[name][index] }]
    }
  }
}

resource "aws_glue_catalog_table" "this" {
  for_each = local.presto_views

  name          = each.key
  database_name = var.database_name
  description   = local.view_texts[each.key]
  table_type    = "VIRTUAL_VIEW"
  parameters    = { comment = "Presto View", presto_view = "true" }

  view_original_text = "/* Presto View: ${base64encode(jsonencode(each.value))} */"
  view_expanded_text = "/* Presto View */"

  storage_descriptor {
    # Athena reads no view without a SerDe (HIVE_METASTORE_ERROR: Table storage descriptor is missing
    # SerDe info), and ignores its values. The provider leaves out an empty block.
    ser_de_info {
      name                  = "-"
      serialization_library = "-"
    }

    dynamic "columns" {
      for_each = local.view_columns[each.key]

      content {
        name = columns.value.name
        type = columns.value.type
      }
    }
  }

  lifecycle {
    precondition {
      condition     = length(local.column_lines[each.key]) > 0
      error_message = "The view ${each.key} declares no columns, which Athena reads from the catalog: put a line `-- columns:` into the comment at its head, and below it a line `--   name type` for each column."
    }

    precondition {
      condition     = length(local.view_columns[each.key]) == length(local.column_lines[each.key])
      error_message = "The view ${each.key} has lines among its columns that are not `--   name type`, in lower case and without spaces in the type: ${join("; ", [for line in local.column_lines[each.key] : line if !can(regex(local.column_line, line))])}."
    }
  }
}
