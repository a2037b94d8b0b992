"""What is tuned: settings, their text, and the step; and whether what is to be written can be."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from eucentric.errors import InputError, SettingsError

if TYPE_CHECKING:
    from eucentric.focus.settings import FocusSettings, FocusStep
    from eucentric.records.place import Place
    from eucentric.records.stored import StoredRun


@dataclass(frozen=True, slots=True)
class Chosen:
    """The settings, their text as it is written again, and the step that is tuned."""

    settings: FocusSettings
    text: str
    step: FocusStep


def named_settings(name: str, step: str | None) -> Chosen:
    """The settings of a file or of those that come along. A file's own text is kept, so that its comments stay.

    Raises InputError, SettingsError.
    """
    from eucentric.cli.chosen import chosen
    from eucentric.focus.toml import to_toml

    settings, path = chosen(name), Path(name)
    text = path.read_text(encoding="utf-8") if path.is_file() else to_toml(settings)
    return Chosen(settings, text, _step(settings, step))


def settings_of_run(runs: Sequence[StoredRun], step: str | None) -> Chosen:
    """The settings of the first of the runs that has the step. Raises SettingsError, InputError for no run."""
    from eucentric.focus.toml import to_toml

    if not runs:
        raise InputError("There is no run to tune from. See: eucentric records list")
    run = next((one for one in runs if step in {s.name for s in one.settings.sequence.steps}), runs[0])
    return Chosen(run.settings, to_toml(run.settings), _step(run.settings, step))


@dataclass(frozen=True, slots=True)
class Source:
    """Where repeats are: runs in the records by number, run folders, and all runs of a session (of a node)."""

    names: tuple[str, ...]
    session: int | None
    node: str | None
    place: Place

    def check(self) -> None:
        """Raise InputError where a run is named twice: its repeats would count twice; or a node without its session."""
        if self.node is not None and self.session is None:
            raise InputError("--node does nothing without --session. Say of which session it is, or leave it out.")
        seen: set[object] = set()
        for name in self.names:
            run = int(name) if name.isdigit() else Path(name).resolve()
            if run in seen:
                raise InputError(f"--from {name} is there twice, and its repeats would count twice. Leave one out.")
            seen.add(run)

    def runs(self, opened: ExitStack) -> list[StoredRun]:
        """The runs, their images read while `opened` is. Raises InputError."""
        from eucentric.records.kept import Wanted
        from eucentric.records.reading import Records
        from eucentric.records.stored import run_in_folder, run_in_records

        folders = [run_in_folder(Path(name)) for name in self.names if not name.isdigit()]
        ids = [int(name) for name in self.names if name.isdigit()]
        if not ids and self.session is None:
            return folders
        records = opened.enter_context(Records.open(self.place))
        if self.session is not None:
            kept = records.runs(Wanted(session=records.session(self.session).id, node=self.node))
            ids += sorted(run.id for run in kept if run.id not in ids)
        return [*(run_in_records(records, run_id) for run_id in ids), *folders]


def _step(settings: FocusSettings, name: str | None) -> FocusStep:
    """The step of that name, or the last one, by beam tilt. Raises SettingsError."""
    from eucentric.focus.repeated import repeatable
    from eucentric.focus.settings import FocusMethod

    steps = settings.sequence.steps
    beam = [one for one in steps if one.focus_method is FocusMethod.BEAM_TILT]
    known = ", ".join(one.name for one in beam) or "none is"
    if name is not None:
        repeatable(settings.sequence, name)
    wanted = [one for one in beam if (one.switch if name is None else one.name == name)]
    if not wanted:
        which = "No step" if name is None else f"Step '{name}' is not by Beam Tilt: no other step"
        raise SettingsError(f"{which} of '{settings.sequence.name}' has limits that are tuned. By Beam Tilt: {known}.")
    return wanted[-1]
