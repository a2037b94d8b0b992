"""The thresholds of one step in a settings file, with comments on where each comes from; all else stays as it is."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import tomlkit
from tomlkit.items import AoT, Table

from eucentric.errors import SettingsError
from eucentric.focus.fields import plain_value
from eucentric.focus.settings import Thresholds
from eucentric.focus.toml import read_toml

_WIDTH = 86
_TABLE = "thresholds"


def with_thresholds(text: str, step: str, thresholds: Thresholds, notes: Mapping[str, str]) -> str:
    """The TOML text of settings with other thresholds for the named step, all of them written out.

    `notes` go above the limit that they name; the one of no name goes above them all. Comments inside the thresholds
    that were there are not kept. Raises SettingsError where the text has no such step, or does not read back as meant.
    """
    settings = read_toml(text)
    names = [one.name for one in settings.sequence.steps]
    if step not in names:
        raise SettingsError(f"The settings have no step '{step}'. They have: {', '.join(names)}.")
    number = names.index(step)
    document = tomlkit.parse(text)
    steps = document["steps"]
    table = steps[number] if isinstance(steps, AoT | list) else None
    if not isinstance(table, Table):  # steps = [{…}, {…}] on a line
        raise SettingsError(f"The steps of these settings are written on one line. Write step '{step}' as [[steps]].")
    table.pop(_TABLE, None)
    table[_TABLE] = limits = _table(thresholds, notes)
    if number + 1 < len(names):
        limits.add(tomlkit.nl())
    written = tomlkit.dumps(document)
    meant = settings.sequence.steps[number].model_copy(update={_TABLE: thresholds})
    if read_toml(written).sequence.steps != (
        *settings.sequence.steps[:number],
        meant,
        *settings.sequence.steps[number + 1 :],
    ):
        raise SettingsError(f"The limits of step '{step}' can't be written into these settings. Write it as [[steps]].")
    return written


def _table(thresholds: Thresholds, notes: Mapping[str, str]) -> Table:
    table = tomlkit.table()
    _comment(table, notes.get("", ""))
    for name in type(thresholds).model_fields:
        _comment(table, notes.get(name, ""))
        table.add(name, plain_value(getattr(thresholds, name)))
    return table


def _comment(table: Table, note: str) -> None:
    for line in textwrap.wrap(note, _WIDTH, break_long_words=False, break_on_hyphens=False):
        table.add(tomlkit.comment(line))
