# A small site: two pages, a style sheet, an image, and the page about missing pages.

provider "aws" {
  region = "us-east-1" # of the log deliveries and metrics of CloudFront

  default_tags {
    tags = { Project = var.name }
  }
}

module "site" {
  source = "../../modules/simple_cms"

  name          = var.name
  cache         = { max_seconds = 3600 }
  domain        = var.domain
  invalidation  = { window_seconds = var.window_seconds }
  force_destroy = true # the site is in this repository
}

locals {
  # A browser shows a page and an image by their type; S3 stores binary/octet-stream without one.
  content_types = {
    css  = "text/css; charset=utf-8"
    html = "text/html; charset=utf-8"
    svg  = "image/svg+xml"
  }
}

resource "aws_s3_object" "page" {
  for_each = fileset("${path.module}/site", "**")

  bucket       = module.site.bucket_name
  key          = each.value
  source       = "${path.module}/site/${each.value}"
  source_hash  = filemd5("${path.module}/site/${each.value}")
  content_type = local.content_types[element(split(".", each.value), -1)]
}
