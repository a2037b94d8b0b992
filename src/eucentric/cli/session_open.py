"""A session as its options ask for: a new one, or one to go on with. All is checked before a folder is made.

session.json    in the session's folder: the options that the journal does not keep
"""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from eucentric import __version__
from eucentric.cli.bench import SIMULATED, Opened, cautions, opened, stored_book
from eucentric.cli.chosen import chosen
from eucentric.cli.session_done import complete
from eucentric.cli.suggested import calibrate_all, check_store
from eucentric.errors import CalibrationError, InputError, SettingsError
from eucentric.msi.journal import Journal
from eucentric.msi.noted import About
from eucentric.msi.ready import Ready, ready
from eucentric.msi.shipped import application_of, with_focus
from eucentric.records.run_folder import empty_folder, new_folder

if TYPE_CHECKING:
    from eucentric.calibration.book import CalibrationBook
    from eucentric.msi.application import Application

OPTIONS = "session.json"
DEFAULT = "msi-t"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options of the command; None: not given."""

    application: str | None = None
    settings: tuple[str, ...] = ()
    microscope: str | None = None
    seed: int | None = None
    calibrations: Path | None = None
    out: Path | None = None
    resume: Path | None = None


@dataclass(frozen=True, slots=True)
class Began:
    """What a session keeps of the options with which it began."""

    microscope: str
    seed: int
    calibrations: Path | None

    def as_json(self) -> str:
        """Its file."""
        store = None if self.calibrations is None else str(self.calibrations)
        return json.dumps({"microscope": self.microscope, "seed": self.seed, "calibrations": store})


@dataclass(frozen=True, slots=True)
class Opening:
    """All that a session needs. `resume` is the command that goes on with it.

    `ready` is None where all is done: nothing is opened then.
    """

    ready: Ready | None
    application: Application
    journal: Journal
    folder: Path
    resume: str
    instrument: str  # with the simulation's seed
    cautions: tuple[str, ...] = ()


def open_session(wanted: Wanted) -> Opening:
    """Open what is wanted. Raises InputError, SettingsError, CalibrationError before anything moved."""
    return _new(wanted) if wanted.resume is None else _again(wanted, wanted.resume)


def _new(wanted: Wanted) -> Opening:
    application = _application(wanted)
    microscope, store = wanted.microscope or SIMULATED, wanted.calibrations
    began = Began(microscope, wanted.seed or 0, None if store is None else store.resolve())
    instrument, prepared, told = _prepared(application, began.microscope, began.seed, store)
    number = began.seed if microscope == SIMULATED else None
    name = "-".join(filter(None, (application.name, microscope, "" if number is None else f"seed{number}")))
    name = f"{datetime.now():%Y-%m-%d-%H%M%S}-{name}".replace(" ", "-").lower()
    folder = empty_folder(wanted.out) if wanted.out is not None else new_folder(Path("runs"), name)
    with _nothing_left(folder):
        name = instrument.microscope.name
        journal = Journal.create(folder, application, instrument=name, seed=number, version=__version__)
        try:
            (folder / OPTIONS).write_text(began.as_json(), encoding="utf-8")
        except OSError as error:
            raise InputError(
                f"The folder {folder} can't be written: {error.strerror}. Choose another place."
            ) from error
    return Opening(prepared, application, journal, folder, _command(folder), instrument.instrument, told)


@contextmanager
def _nothing_left(folder: Path) -> Iterator[None]:
    """Stopped or failed before there is a session, its folder goes again: it was new or empty."""
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _again(wanted: Wanted, folder: Path) -> Opening:
    journal = Journal.open(folder)
    try:
        application, about = journal.noted.application, journal.noted.about
        began = _began(folder, about.seed or 0)
        _check_agrees(wanted, folder, application, began)
        if complete(journal):
            return Opening(None, application, journal, folder, _command(folder), _named(about))
        instrument, prepared, told = _prepared(application, began.microscope, began.seed, began.calibrations)
    except Exception:
        journal.close()
        raise
    return Opening(prepared, application, journal, folder, _command(folder), instrument.instrument, told)


def _named(about: About) -> str:
    """The instrument with the simulation's seed."""
    return about.instrument if about.seed is None else f"{about.instrument} (seed {about.seed})"


def _application(wanted: Wanted) -> Application:
    """The application with what --settings puts in place. Raises InputError, SettingsError."""
    application = application_of(wanted.application or DEFAULT)
    for given in wanted.settings:
        node, equals, name = given.partition("=")
        if not equals or not node.strip() or not name.strip():
            raise SettingsError(f"'{given}' does not say which node. Write for example: --settings Focus=mine.toml")
        application = with_focus(application, node.strip(), chosen(name.strip()))
    return application


def _prepared(
    application: Application, microscope: str, seed: int, calibrations: Path | None
) -> tuple[Opened, Ready, tuple[str, ...]]:
    """The instrument with the application's presets, its chain checked; nothing moved."""
    if calibrations is not None:
        check_store(calibrations, microscope=microscope, seed=seed)
    instrument = opened(microscope, seed=seed)
    book: CalibrationBook | None = instrument.brought if calibrations is None else stored_book(instrument, calibrations)
    if book is None:
        raise CalibrationError(f"{instrument.instrument} brings no calibration. Name a folder: --calibrations FOLDER")
    told = () if calibrations is None else cautions(instrument, calibrations)
    try:
        return instrument, ready(instrument.microscope, application, book), told
    except (CalibrationError, SettingsError) as error:
        if calibrations is not None and "eucentric calibrate" in str(error):
            error.add_note(f"All at once: {calibrate_all(calibrations, microscope=microscope, seed=seed)}")
        raise


def _began(folder: Path, seed: int) -> Began:
    """The options with which the session began; `seed` where they are not kept."""
    try:
        kept = json.loads((folder / OPTIONS).read_text(encoding="utf-8"))
        store = kept["calibrations"]
        return Began(kept.get("microscope", SIMULATED), seed, None if store is None else Path(store))
    except FileNotFoundError:
        return Began(SIMULATED, seed, None)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{folder / OPTIONS} can't be read, and it says with which calibrations the session began. Mend it: "
            f'{{"microscope": "simulated", "seed": 0, "calibrations": null}}'
        ) from error


def _check_agrees(wanted: Wanted, folder: Path, application: Application, began: Began) -> None:
    """Raise InputError where an option contradicts the session that is to go on."""
    wrong, store = "", wanted.calibrations
    if wanted.out is not None and wanted.out.resolve() != folder.resolve():
        wrong = f"--out {wanted.out}: it is kept in {folder}"
    elif wanted.settings:
        wrong = "--settings: they are those with which it began"
    elif wanted.microscope is not None and wanted.microscope != began.microscope:
        wrong = f"--microscope {wanted.microscope}: it began on {began.microscope}"
    elif wanted.seed is not None and wanted.seed != began.seed:
        wrong = f"--seed {wanted.seed}: it began with seed {began.seed}"
    elif store is not None and store.resolve() != began.calibrations:
        wrong = f"--calibrations {store}: it began with {began.calibrations or 'those that the instrument tells'}"
    elif wanted.application is not None and application_of(wanted.application) != application:
        wrong = f"--application {wanted.application}: it is {application.name} as it was when it began"
    if wrong:
        raise InputError(f"A session that goes on can't take {wrong}. Leave that out: {_command(folder)}")


def _command(folder: Path) -> str:
    return f"eucentric run --resume {shlex.quote(str(folder))}"
