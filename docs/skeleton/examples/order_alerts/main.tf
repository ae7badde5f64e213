# Orders above 1,000 lead to an alert.

provider "aws" {
  region = var.region

  default_tags {
    tags = { Project = var.name }
  }
}

module "alerts" {
  source = "../../modules/order_alerts"

  name  = var.name
  limit = 1000
}
