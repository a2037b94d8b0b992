"""A run folder, from the records: all that happened in a run, in files.

    events.jsonl      one event a line
    settings.toml     the settings as they were run: eucentric focus --settings settings.toml
    pairs/            the images of the measurements as MRC: number, step, place in the pattern
    others/           images by hand and final images as MRC, where there are some
    result.json       how it ended (missing when the run broke off: then the last line of events.jsonl says why)

Images that are not kept are missing, and their lines in events.jsonl say why.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from eucentric.errors import InputError
from eucentric.focus.toml import to_toml
from eucentric.records.plain import without_marks
from eucentric.records.reading import Records
from eucentric.records.references import resolved
from eucentric.records.run_folder import ending


def export_run(records: Records, run_id: int, folder: Path) -> None:
    """Write the run into a folder that is there, and holds none of this. Raises InputError where that can't be."""
    told = resolved(list(records.events(run_id)), records.results(run_id), records.step_results(run_id))
    try:
        missing = _images(records, run_id, folder)
        lines = [_line(body, missing) for body in without_marks(told)]
        _write(folder / "events.jsonl", "".join(lines))
        _write(folder / "settings.toml", to_toml(records.run_details(run_id).settings, explained=False))
        ended = next((body for body in without_marks(told) if body["event"] == "RunEnded"), None)
        if ended is not None:
            whole = {**ended["result"], **ending(records.run(run_id))}
            _write(folder / "result.json", json.dumps(whole, allow_nan=False, ensure_ascii=False, indent=2))
    except OSError as error:
        raise InputError(
            f"The run folder {folder} can't be written: {error.strerror or error}. Make room, or choose another place. "
            f"The run is kept: eucentric records export {run_id} FOLDER"
        ) from error


def _images(records: Records, run_id: int, folder: Path) -> dict[str, str]:
    """Copy the images; why each of those that are not kept is missing, by name."""
    (folder / "pairs").mkdir(exist_ok=True)
    missing = {}
    for image in records.images(run_id):
        path = records.image_file(image)
        if path is None or not path.is_file():
            missing[image.name] = image.gone or f"There is no file {path}."
            continue
        goal = folder / image.name
        goal.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, goal)
    return missing


def _line(body: dict[str, Any], missing: dict[str, str]) -> str:
    frame = body.get("frame")
    if isinstance(frame, dict) and frame.get("file") in missing:
        body = {**body, "frame": {**frame, "file": None, "why_not": missing[frame["file"]]}}
    return json.dumps(body, allow_nan=False, ensure_ascii=False) + "\n"


def _write(path: Path, text: str) -> None:
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
