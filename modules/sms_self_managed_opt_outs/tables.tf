# Preferences of numbers, with the record of every message that was a keyword. It is evidence, so
# nothing in it expires.
resource "aws_dynamodb_table" "preferences" {
  count = var.preferences_table == null ? 1 : 0

  #checkov:skip=CKV_AWS_119:DynamoDB encrypts with an AWS managed key; a customer managed one is used when kms_key is given.
  name         = "${var.name}-preferences"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "pk"
  range_key    = "sk"

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "sk"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = local.kms_key_arn
  }

  tags = var.tags
}

# Endpoints by number, numbers that a list kept, and the settings.
resource "aws_dynamodb_table" "index" {
  #checkov:skip=CKV_AWS_28:The event stream fills the index again, and an apply writes the settings again.
  #checkov:skip=CKV_AWS_119:DynamoDB encrypts with its own key; a customer managed one is used when kms_key is given.
  name         = "${var.name}-index"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "pk"
  range_key    = "sk"

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "sk"
    type = "S"
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = local.kms_key_arn
  }

  tags = var.tags
}

resource "aws_dynamodb_table_item" "settings" {
  table_name = aws_dynamodb_table.index.name
  hash_key   = aws_dynamodb_table.index.hash_key
  range_key  = aws_dynamodb_table.index.range_key

  item = jsonencode({
    pk       = { S = local.settings_id }
    sk       = { S = "settings" }
    settings = { S = local.settings }
  })

  # A function with the old settings can start until it is updated, so it must find them until then.
  # By itself the provider updates an item whose key changes: it deletes the old item at once.
  lifecycle {
    create_before_destroy = true
    replace_triggered_by  = [terraform_data.settings]
  }
}

resource "terraform_data" "settings" {
  input = local.settings_id
}
