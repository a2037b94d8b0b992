"""Which options were typed, and whether each does something beside the others."""

from __future__ import annotations

from collections.abc import Collection

import typer

from eucentric.errors import SettingsError


def check_typed(ctx: typer.Context, idle: Collection[str], why: str) -> None:
    """Raise SettingsError for an option (by its parameter's name) that was typed and does nothing; `why` says when."""
    for parameter in ctx.command.params:
        name = parameter.name or ""
        source = ctx.get_parameter_source(name)
        if name in idle and source is not None and source.name == "COMMANDLINE":
            raise SettingsError(f"{parameter.opts[0]} does nothing {why}. Leave it out.")


def others_than(ctx: typer.Context, *used: str) -> set[str]:
    """All parameters but these."""
    return {parameter.name or "" for parameter in ctx.command.params} - set(used)
