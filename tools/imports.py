"""Find the files a program can load: the closure of its import statements, without running it.

Statements within functions count, since they run later; those under ``if TYPE_CHECKING:`` do not.
An import by a computed name cannot be followed: it is an error unless its modules are declared.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tools.errors import ToolError

_CALLS = {"import_module", "__import__"}


class ComputedImport(ToolError):
    """A module imports by a computed name, and no declaration says which modules it loads."""


class MissingModule(ToolError):
    """A program imports a module that does not exist."""


@dataclass(frozen=True, slots=True)
class _Import:
    """A statement's module, and the names that `from` takes of it: modules or not.

    `always` is true for a statement that runs whenever the file is loaded.
    """

    module: str
    names: tuple[str, ...]
    always: bool


class Program:
    """Modules in folders, as an interpreter with these folders on its path finds them.

    Args:
        source: folder of the program's own modules, whose imports have to be there.
        libraries: folder of its libraries, which may lack what they support but do not require.
        elsewhere: top-level modules that the program gets from its runtime, beside Python's own.
        computed: module that imports by a computed name, or loads files by one → the packages that
            it loads, each with all its modules and data files.
    """

    def __init__(
        self,
        source: Path,
        libraries: Path,
        elsewhere: Collection[str] = (),
        computed: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._source = source
        self._roots = (source, libraries)
        self._elsewhere = sys.stdlib_module_names | set(elsewhere)
        self._computed = computed or {}
        self._loads: dict[Path, bool] = {}
        self._places: dict[tuple[str, ...], Path | None] = {}

    def closure(self, start: Iterable[Path]) -> set[Path]:
        """Return the files that these modules can load, with their own files.

        A library's module that cannot be loaded, because a library that it needs is not there, is
        left out with all that only it would load.

        Raises:
            ComputedImport: a module that `computed` does not name imports by a computed name.
            MissingModule: the program's own source imports a module that is not there.
        """
        found: set[Path] = set()
        waiting = sorted(start)
        while waiting:
            path = waiting.pop()
            if path in found:
                continue
            found.add(path)
            if path.suffix != ".py":
                continue
            module = self._name_of(path)
            imports, is_computed = _imports(path, module)
            if is_computed and module not in self._computed:
                raise ComputedImport(
                    f"{module} imports by a computed name: declare which packages that loads, or "
                    "that it loads none."
                )
            for package in self._computed.get(module, ()):
                waiting += self._whole(package)
            for one in imports:
                if path.is_relative_to(self._source) and not self._is_there(one.module):
                    raise MissingModule(
                        f"{path.relative_to(self._source)} imports {one.module}, which neither its "
                        "requirements.txt pins nor the Lambda runtime provides."
                    )
                for package in self._computed.get(one.module, ()):
                    waiting += self._whole(package)
                for name in (one.module, *(f"{one.module}.{name}" for name in one.names)):
                    if self._can_load(name):
                        waiting += self._files_of(name)
        return found

    def _name_of(self, path: Path) -> str:
        root = next(root for root in self._roots if path.is_relative_to(root))
        parts = path.relative_to(root).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def _files_of(self, name: str) -> list[Path]:
        """List the files of the packages around a module, then its own; empty for others."""
        parts = tuple(name.split("."))
        if parts[0] in self._elsewhere:
            return []
        places = [self._place(parts[:length]) for length in range(1, len(parts) + 1)]
        return [place for place in places if place is not None]

    def _place(self, parts: tuple[str, ...]) -> Path | None:
        if parts not in self._places:
            package = "/".join(parts)
            candidates = (
                root / name
                for root in self._roots
                for name in (f"{package}/__init__.py", f"{package}.py")
            )
            self._places[parts] = next((file for file in candidates if file.exists()), None)
        return self._places[parts]

    def _is_there(self, name: str) -> bool:
        parts = tuple(name.split("."))
        return parts[0] in self._elsewhere or self._place(parts) is not None

    def _can_load(self, name: str) -> bool:
        """Check that all imports that always run for a module, and for its imports, exist."""
        return all(self._file_loads(path) for path in self._files_of(name))

    def _file_loads(self, path: Path) -> bool:
        if path not in self._loads:
            self._loads[path] = True  # for imports in a circle
            imports, _ = _imports(path, self._name_of(path))
            self._loads[path] = all(
                self._is_there(one.module)
                and all(
                    self._can_load(name)
                    for name in (one.module, *(f"{one.module}.{name}" for name in one.names))
                )
                for one in imports
                if one.always
            )
        return self._loads[path]

    def _whole(self, package: str) -> Iterator[Path]:
        yield from self._files_of(package)
        for root in self._roots:
            for path in root.joinpath(*package.split(".")).rglob("*"):
                if path.is_file() and "__pycache__" not in path.parts:
                    yield path


@cache
def _imports(path: Path, module: str) -> tuple[list[_Import], bool]:
    """Return the imports of a file, and whether it also imports by a computed name."""
    package = module.split(".")
    if path.name != "__init__.py":
        package.pop()
    found = []
    is_computed = False
    content = path.read_bytes()
    kinds: tuple[type[ast.AST], ...] = (ast.stmt, ast.ExceptHandler, ast.match_case)
    if any(name.encode() in content for name in _CALLS):
        kinds = (ast.AST,)
    for node, always in _nodes(ast.parse(content, str(path)), kinds):
        match node:
            case ast.Import(names=names):
                found += [_Import(alias.name, (), always) for alias in names]
            case ast.ImportFrom(module=base, names=names, level=level):
                above = package[: len(package) - level + 1] if level else []
                origin = ".".join([*above, base] if base else above)
                found.append(_Import(origin, tuple(alias.name for alias in names), always))
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in _CALLS:
                match node.args:
                    case [ast.Constant(value=str(target))] if not target.startswith("."):
                        found.append(_Import(target, (), always=False))
                    case _:
                        is_computed = True
    return found, is_computed


def _nodes(tree: ast.Module, kinds: tuple[type[ast.AST], ...]) -> Iterator[tuple[ast.AST, bool]]:
    """Yield the nodes of these kinds, and whether each runs whenever the file is loaded.

    Nodes that only a type checker sees are left out.
    """
    waiting: list[tuple[ast.AST, bool]] = [(node, True) for node in tree.body]
    while waiting:
        node, always = waiting.pop()
        yield node, always
        if isinstance(node, ast.If) and _is_type_checking(node.test):
            waiting += [(child, False) for child in node.orelse]
        else:
            children = ast.iter_child_nodes(node)
            waiting += [(child, False) for child in children if isinstance(child, kinds)]


def _is_type_checking(test: ast.expr) -> bool:
    match test:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name == "TYPE_CHECKING"
    return False
