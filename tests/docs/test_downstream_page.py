"""The page about tests of your own infrastructure shows complete code that fits the modules."""

from __future__ import annotations

import re
from pathlib import Path

import hcl2

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "testing_downstream.md").read_text()


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_test_to_copy_compiles() -> None:
    compile(block("python"), "test_people.py", "exec")


def test_the_root_module_uses_modules_and_inputs_that_exist() -> None:
    for module in hcl2.loads(block("hcl"))["module"]:
        (arguments,) = module.values()
        source = str(arguments["source"]).strip('"').removeprefix("../../engagement/")
        variables = (ROOT / source / "variables.tf").read_text()
        inputs = set(re.findall(r'^variable "(\w+)"', variables, re.MULTILINE))

        given = {name for name in arguments if not name.startswith("__")} - {"source"}

        assert given <= inputs, (source, given - inputs)


def test_the_root_module_reads_outputs_that_its_modules_have() -> None:
    page = hcl2.loads(block("hcl"))
    sources = {
        name.strip('"'): str(arguments["source"]).strip('"').removeprefix("../../engagement/")
        for module in page["module"]
        for name, arguments in module.items()
    }

    read = set(re.findall(r"module\.(\w+)\.(\w+)", block("hcl")))

    assert read
    for module, output in read:
        outputs = (ROOT / sources[module] / "outputs.tf").read_text()
        assert f'output "{output}"' in outputs, (module, output)


def test_the_test_reads_outputs_that_the_root_module_has() -> None:
    declared = set(re.findall(r'output "(\w+)"', block("hcl")))

    assert set(re.findall(r'outputs\["(\w+)"\]', block("python"))) == declared
