"""Write docs/reference/commands.md, the help of every command: python scripts/make_commands.py

A test compares the file with what this makes, so it cannot grow old.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from seal.cli import app

TARGET = Path(__file__).parent.parent / "docs" / "reference" / "commands.md"
WIDTH = 96


def text() -> str:
    """The reference, one section a command, in the order of `seal --help`."""
    group = get_command(app)
    parts = [
        "# Commands\n\nWhat `seal COMMAND --help` says (made by `scripts/make_commands.py`).\n"
    ]
    for name, command in _all(group.commands):
        made = {
            "info_name": f"seal {name}",
            "terminal_width": WIDTH,
            "max_content_width": WIDTH,
        }
        with command.context_class(command, **made) as context:
            parts.append(f"## seal {name}\n```\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)


def _all(commands: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each command by name, those of a group after it."""
    for name, command in commands.items():
        if not command.hidden:
            yield name, command
            for below, each in _all(getattr(command, "commands", {})):
                yield f"{name} {below}", each


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
