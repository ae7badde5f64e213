"""The Terraform that is run, the source of its provider, and the message without a Terraform."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tools import terraform_cli
from tools.bundled_terraform import install


def a_program(folder: Path, name: str, version: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text(f'#!/bin/sh\necho \'{{"terraform_version": "{version}"}}\'\n')
    program.chmod(0o755)
    return program


def a_mirror(folder: Path) -> Path:
    place = folder / terraform_cli.PROVIDER / "5.100.0" / terraform_cli._platform()
    place.mkdir(parents=True)
    return folder


def test_the_terraform_on_the_path_is_used(tmp_path: Path) -> None:
    program = a_program(tmp_path, "terraform", "1.11.4")

    assert terraform_cli.find_terraform({"PATH": f"{tmp_path}:/bin:/usr/bin"}) == program


def test_opentofu_is_used_where_there_is_no_terraform(tmp_path: Path) -> None:
    program = a_program(tmp_path, "tofu", "1.9.0")

    assert terraform_cli.find_terraform({"PATH": f"{tmp_path}:/bin:/usr/bin"}) == program


def test_tf_names_another_program_than_the_one_on_the_path(tmp_path: Path) -> None:
    a_program(tmp_path / "path", "terraform", "1.11.4")
    named = a_program(tmp_path / "named", "terraform-1.15", "1.15.5")

    environ = {"PATH": f"{tmp_path / 'path'}:/bin:/usr/bin", "TF": str(named)}

    assert terraform_cli.find_terraform(environ) == named


def test_a_terraform_that_is_too_old_is_named_with_the_version_needed(tmp_path: Path) -> None:
    program = a_program(tmp_path, "terraform", "1.5.7")

    with pytest.raises(terraform_cli.TerraformTooOld) as error:
        terraform_cli.find_terraform({"PATH": f"{tmp_path}:/bin:/usr/bin"})

    assert str(program) in str(error.value)
    assert "1.5.7" in str(error.value)
    assert "1.9" in str(error.value)
    assert "Upgrade it" in str(error.value)


def test_tf_that_names_nothing_is_an_error_and_not_passed_over(tmp_path: Path) -> None:
    a_program(tmp_path, "terraform", "1.11.4")

    with pytest.raises(terraform_cli.NoTerraform, match="TF names 'missing'"):
        terraform_cli.find_terraform({"PATH": str(tmp_path), "TF": "missing"})


def test_a_program_that_is_not_terraform_is_an_error(tmp_path: Path) -> None:
    program = tmp_path / "terraform"
    program.write_text("#!/bin/sh\necho hello\n")
    program.chmod(0o755)

    with pytest.raises(terraform_cli.NoTerraform, match="did not answer"):
        terraform_cli.find_terraform({"PATH": f"{tmp_path}:/bin:/usr/bin"})


def test_without_any_terraform_the_bundled_one_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "project"
    (root / ".venv" / "bin").mkdir(parents=True)
    (root / "versions.tf").write_text((terraform_cli.ROOT / "versions.tf").read_text())
    bundled = install(root / ".venv" / "bin")
    monkeypatch.setattr(terraform_cli, "ROOT", root)

    found = terraform_cli.find_terraform({"PATH": str(tmp_path)})

    assert found == bundled
    assert terraform_cli.version_of(found) == (1, 15, 5)


def test_without_terraform_and_without_setup_the_way_out_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terraform_cli, "ROOT", tmp_path)

    with pytest.raises(terraform_cli.NoTerraform, match="make setup"):
        terraform_cli.find_terraform({"PATH": str(tmp_path)})


def test_a_mirror_named_by_the_variable_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terraform_cli, "LOCAL_STATE", tmp_path / "state")
    mirror = a_mirror(tmp_path / "mirror")

    config = terraform_cli.cli_config({"TF_PROVIDER_MIRROR": str(mirror)})

    assert config is not None
    assert f'path    = "{mirror}"' in config.read_text()


def test_a_mirror_without_the_provider_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(terraform_cli.NoProvider, match="TF_PROVIDER_MIRROR names"):
        terraform_cli.find_mirror({"TF_PROVIDER_MIRROR": str(tmp_path)})


def test_a_mirror_in_an_add_on_software_directory_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = a_mirror(tmp_path / "opt" / "some-vendor" / "plugins")
    monkeypatch.setattr(terraform_cli, "IMPLIED_MIRRORS", ())
    monkeypatch.setattr(terraform_cli, "ADD_ON_DIRECTORIES", (str(tmp_path / "opt"),))

    assert terraform_cli.find_mirror({}) == mirror


def test_with_no_mirror_terraform_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terraform_cli, "LOCAL_STATE", tmp_path / "state")
    monkeypatch.setattr(terraform_cli, "IMPLIED_MIRRORS", ())
    monkeypatch.setattr(terraform_cli, "ADD_ON_DIRECTORIES", ())

    assert terraform_cli.cli_config({}) is None
    assert "TF_CLI_CONFIG_FILE" not in terraform_cli.environment({})


def test_a_configuration_of_the_users_own_is_respected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terraform_cli, "LOCAL_STATE", tmp_path / "state")
    own = tmp_path / "own.tfrc"
    own.write_text("")

    assert terraform_cli.cli_config({"TF_CLI_CONFIG_FILE": str(own)}) is None


def test_a_shell_that_evaluates_the_export_lines_finds_the_provider(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(terraform_cli, "LOCAL_STATE", tmp_path / "the user's state")
    monkeypatch.setenv("TF_PROVIDER_MIRROR", str(a_mirror(tmp_path / "mirror")))

    assert terraform_cli.main(["env"]) == 0

    script = f'{capsys.readouterr().out}\ncat "$TF_CLI_CONFIG_FILE"'
    shell = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert f'path    = "{tmp_path / "mirror"}"' in shell.stdout


def test_no_provider_to_be_had_says_what_terraform_said_and_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terraform_cli, "LOCAL_STATE", tmp_path / "state")
    program = tmp_path / "terraform"
    program.write_text(
        "#!/bin/sh\n"
        '[ "$1" = version ] && echo \'{"terraform_version": "1.11.4"}\' && exit 0\n'
        "echo 'Failed to query available provider packages'; exit 1\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr(terraform_cli, "find_mirror", lambda _: None)

    with pytest.raises(terraform_cli.NoProvider) as error:
        terraform_cli.ensure_provider({"PATH": f"{tmp_path}:/bin:/usr/bin"})

    assert "Failed to query available provider packages" in str(error.value)
    assert "TF_PROVIDER_MIRROR" in str(error.value)


def a_terraform_with_provider(folder: Path, provider: str) -> dict[str, str]:
    """A Terraform whose `init` installs a provider that is the given shell script."""
    installed = ".terraform/providers/registry.terraform.io/hashicorp/aws/5.100.0/any"
    (folder / "provider").write_text(provider)
    (folder / "provider").chmod(0o755)
    program = folder / "terraform"
    program.write_text(
        '#!/bin/sh\necho \'{"terraform_version": "1.11.4"}\'\n'
        f"[ $1 = init ] && mkdir -p {installed} && "
        f"cp {folder}/provider {installed}/terraform-provider-aws_v5.100.0_x5\n"
        "true\n"
    )
    program.chmod(0o755)
    return {"PATH": f"{folder}:/bin:/usr/bin"}


def test_terraform_attaches_to_a_running_provider_that_ends_with_the_context(
    tmp_path: Path,
) -> None:
    ended = tmp_path / "ended"
    environ = a_terraform_with_provider(
        tmp_path,
        f"#!/bin/sh\ntrap 'touch {ended}; exit' TERM\n"
        'echo "Provider started. To attach, set the variable:"\n'
        'echo "    TF_REATTACH_PROVIDERS=\'{\\"registry.terraform.io/hashicorp/aws\\": {}}\'"\n'
        "while true; do sleep 0.1; done\n",
    )

    with terraform_cli.running_provider(environ) as variables:
        assert not ended.exists()

    assert json.loads(variables["TF_REATTACH_PROVIDERS"]) == {
        "registry.terraform.io/hashicorp/aws": {},
        "registry.opentofu.org/hashicorp/aws": {},
    }
    assert ended.exists()


def test_terraform_starts_its_own_provider_when_none_offers_an_attachment(tmp_path: Path) -> None:
    environ = a_terraform_with_provider(
        tmp_path, "#!/bin/sh\necho 'no such flag: -debug'\nexit 2\n"
    )

    with terraform_cli.running_provider(environ) as variables:
        assert variables == {}


def test_a_provider_of_the_users_own_configuration_is_left_alone(tmp_path: Path) -> None:
    environ = a_terraform_with_provider(tmp_path, "#!/bin/sh\n")
    (tmp_path / "terraform").write_text('#!/bin/sh\necho \'{"terraform_version": "1.11.4"}\'\n')

    with terraform_cli.running_provider(environ) as variables:
        assert variables == {}
