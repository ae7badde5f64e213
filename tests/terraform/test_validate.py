"""`make lint` validates every folder, alone or as a module of another folder."""

from __future__ import annotations

from pathlib import Path

from tests.builders.terraform_tree import FOLDERS, ROOT
from tools import validate


def test_every_folder_is_a_root_or_is_called_by_one() -> None:
    folders = [ROOT / folder for folder in FOLDERS]
    modules = validate.called(folders)

    reached = {folder for folder in folders if folder not in modules}
    while added := validate.called(reached) - reached:
        reached |= added

    assert reached == set(folders)


def test_an_error_in_a_called_module_is_found_through_its_caller(tmp_path: Path) -> None:
    (tmp_path / "called").mkdir()
    (tmp_path / "main.tf").write_text(
        'module "called" {\n  count  = 0\n  source = "./called"\n  name   = "known"\n}\n'
    )
    (tmp_path / "called" / "main.tf").write_text(
        'variable "name" {\n  type = string\n}\n\noutput "absent" {\n  value = var.nmae\n}\n'
    )

    complaint = validate.validate(tmp_path, {"TF_DATA_DIR": str(tmp_path / "data")})

    assert complaint is not None
    assert 'An input variable with the name "nmae" has not been declared' in complaint


def test_a_folder_that_is_valid_has_no_complaint(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text('output "valid" {\n  value = true\n}\n')

    assert validate.validate(tmp_path, {"TF_DATA_DIR": str(tmp_path / "data")}) is None
