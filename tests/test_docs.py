"""The documents name every command, option and setting there is, and nothing that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import typer.main
from pydantic.fields import FieldInfo

from hexapolis.__main__ import app
from hexapolis.config import Settings
from hexapolis.errors import HexapolisError
from hexapolis.records import Outcome

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_command_and_option_is_documented() -> None:
    group = typer.main.get_command(app)
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        assert f"`{name}" in COMMANDS, f"docs/commands.md does not name {name}"
        for option in command.params:
            for flag in option.opts:
                if flag.startswith("--") and not getattr(option, "hidden", False):
                    assert flag in COMMANDS, f"docs/commands.md does not name {flag} of {name}"


def test_every_documented_command_exists() -> None:
    group = typer.main.get_command(app)
    named = set(re.findall(r"^- `([a-z]+)", COMMANDS, re.MULTILINE)) | set(
        re.findall(r"^hexapolis ([a-z]+)", README, re.MULTILINE)
    )
    assert named
    assert named <= set(group.commands)  # type: ignore[attr-defined]


def test_every_setting_is_documented_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]*) \|", CONFIGURATION, re.MULTILINE))
    assert set(rows) == set(Settings.model_fields)
    for name, field in Settings.model_fields.items():
        if isinstance(default := _default(field), (int, float)):
            assert float(rows[name].replace(",", "")) == default, name


def _default(field: FieldInfo) -> object:
    return field.default


def test_every_exit_code_is_documented() -> None:
    codes = {HexapolisError.exit_code, *(c.exit_code for c in HexapolisError.__subclasses__()), 0, 3}
    for code in codes:
        assert f"| {code} |" in COMMANDS


def test_the_design_names_every_outcome() -> None:
    design = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    for outcome in Outcome:
        assert f"`{outcome}`" in design


def test_the_readme_opens_with_the_two_commands_and_its_links_lead_somewhere() -> None:
    lines = README.splitlines()
    assert [line.split("#")[0].strip() for line in lines[3:5]] == ["make demo", "make test"]
    for link in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / link).exists(), link
