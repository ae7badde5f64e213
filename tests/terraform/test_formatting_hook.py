"""The hook for Terraform finds what `terraform fmt` would change."""

from __future__ import annotations

from pathlib import Path

from tools import hooks


def test_terraform_that_fmt_would_change_is_found(tmp_path: Path) -> None:
    ragged, clean = tmp_path / "ragged.tf", tmp_path / "clean.tf"
    ragged.write_text("locals {\n  a = 1\n  long_name = 2\n}\n")
    clean.write_text("locals {\n  a         = 1\n  long_name = 2\n}\n")

    assert hooks.main(["terraform-fmt", str(ragged)]) == 1
    assert hooks.main(["terraform-fmt", str(clean)]) == 0
