"""The imports of a program are found by reading its source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tools.imports import ComputedImport, MissingModule, Program


def write(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        for parent in path.relative_to(root).parents:
            if parent != Path():
                (root / parent / "__init__.py").touch()
    return root


def loaded(
    tmp_path: Path,
    program: str,
    library: Mapping[str, str],
    computed: Mapping[str, Sequence[str]] | None = None,
) -> set[str]:
    """The library's files that a program of one file can load."""
    source = write(tmp_path / "source", {"main.py": program})
    libraries = write(tmp_path / "libraries", library)
    files = Program(source, libraries, {"boto3"}, computed).closure([source / "main.py"])
    return {
        path.relative_to(libraries).as_posix() for path in files if path.is_relative_to(libraries)
    }


LIBRARY = {"lib/used.py": "", "lib/unused.py": "", "lib/sub/deep.py": "from ..used import x"}


@pytest.mark.parametrize(
    "program",
    [
        "import lib.used",
        "import lib.used as something",
        "from lib import used",
        "from lib.used import name",
        "def later():\n    import lib.used",
        "try:\n    import lib.used\nexcept ImportError:\n    pass",
        "import importlib\nmodule = importlib.import_module('lib.used')",
        "__import__('lib.used')",
        "if TYPE_CHECKING:\n    import lib.unused\nelse:\n    import lib.used",
    ],
)
def test_an_import_is_followed_wherever_it_stands(tmp_path: Path, program: str) -> None:
    assert loaded(tmp_path, program, LIBRARY) == {"lib/__init__.py", "lib/used.py"}


def test_the_packages_around_a_module_and_its_relative_imports_come_along(tmp_path: Path) -> None:
    files = loaded(tmp_path, "import lib.sub.deep", LIBRARY)

    assert files == {"lib/__init__.py", "lib/sub/__init__.py", "lib/sub/deep.py", "lib/used.py"}


def test_an_import_for_a_type_checker_is_not_followed(tmp_path: Path) -> None:
    program = "import typing\nif typing.TYPE_CHECKING:\n    import lib.used"

    assert loaded(tmp_path, program, LIBRARY) == set()


def test_a_library_s_module_whose_own_library_is_absent_is_left_out_with_its_imports(
    tmp_path: Path,
) -> None:
    library = {
        "lib/core.py": "def models():\n    from lib import parser",
        "lib/parser.py": "from lib.model import Model",
        "lib/model.py": "import pydantic",
    }

    assert loaded(tmp_path, "import lib.core", library) == {"lib/__init__.py", "lib/core.py"}


def test_a_library_s_optional_import_of_what_is_absent_keeps_it(tmp_path: Path) -> None:
    library = {"lib/core.py": "try:\n    import orjson\nexcept ImportError:\n    orjson = None"}

    assert "lib/core.py" in loaded(tmp_path, "import lib.core", library)


def test_a_program_that_imports_what_is_absent_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingModule, match="main.py imports lib.absent"):
        loaded(tmp_path, "def later():\n    import lib.absent", LIBRARY)


def test_what_the_runtime_provides_is_not_missed(tmp_path: Path) -> None:
    assert loaded(tmp_path, "import json, boto3.session", LIBRARY) == set()


COMPUTED = {
    "lib/data/__init__.py": "def load(code):\n    __import__('region_%s' % code)",
    "lib/data/region_de.py": "",
    "lib/data/table.txt": "49",
}


def test_an_import_by_a_computed_name_is_refused_unless_it_is_declared(tmp_path: Path) -> None:
    with pytest.raises(ComputedImport, match="lib.data imports by a computed name"):
        loaded(tmp_path, "import lib.data", COMPUTED)


def test_a_declared_package_comes_whole_with_its_data(tmp_path: Path) -> None:
    files = loaded(tmp_path, "import lib.data", COMPUTED, {"lib.data": ["lib.data"]})

    assert files == {"lib/__init__.py", *COMPUTED}


def test_a_package_is_loaded_by_the_module_that_is_declared_to(tmp_path: Path) -> None:
    files = loaded(
        tmp_path, "import zoneinfo", COMPUTED, {"zoneinfo": ["lib.data"], "lib.data": []}
    )

    assert "lib/data/table.txt" in files
