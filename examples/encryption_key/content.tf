# The site of the messages. A key serves its own region, and the site must be in us-east-1.

module "site" {
  source = "../../modules/simple_cms"
  count  = var.region == "us-east-1" ? 1 : 0

  name          = "${var.name}-site"
  invalidation  = {}
  force_destroy = true
  kms_key       = local.kms_key
}
