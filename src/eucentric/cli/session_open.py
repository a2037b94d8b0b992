"""A session as its options ask for: a new one, or one to go on with. All is checked before a folder is made."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from eucentric import __version__
from eucentric.cli.bench import SIMULATED, Opened, cautions, is_simulated, opened, stored_book
from eucentric.cli.chosen import APPLICATION, chosen
from eucentric.cli.session_done import complete
from eucentric.cli.suggested import calibrate_all, check_store
from eucentric.errors import CalibrationError, InputError, SettingsError
from eucentric.microscope.registry import NAMES
from eucentric.msi.journal import Journal
from eucentric.msi.noted import About
from eucentric.msi.ready import Ready, ready
from eucentric.msi.shipped import application_of, with_focus
from eucentric.records.run_folder import check_free, empty_folder, new_folder

if TYPE_CHECKING:
    from eucentric.calibration.book import CalibrationBook
    from eucentric.msi.application import Application


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


def open_session(wanted: Wanted, say: Callable[[str], None], there: Opened | None = None) -> Opening:
    """Open what is wanted: what can be checked without the instrument comes first; before it is opened that is said.
    `there` is the instrument where it is open already.

    Raises InputError, SettingsError, CalibrationError before anything moved.
    """
    return _new(wanted, say, there) if wanted.resume is None else _again(wanted, wanted.resume, say, there)


def _new(wanted: Wanted, say: Callable[[str], None], there: Opened | None) -> Opening:
    application = _application(wanted)
    microscope, store, seed = wanted.microscope or SIMULATED, wanted.calibrations, wanted.seed or 0
    source = _Source(microscope, seed, store, there)
    if wanted.out is not None:
        check_free(wanted.out)
    instrument, prepared, told = _prepared(application, source, say)
    now = datetime.now().astimezone()
    about = About(
        instrument=instrument.microscope.name,
        microscope=microscope,
        seed=seed if is_simulated(microscope) else None,
        calibrations=None if store is None else str(store.resolve()),
        version=__version__,
        date=now.isoformat(timespec="seconds"),
    )
    name = "-".join(filter(None, (application.name, microscope, "" if about.seed is None else f"seed{about.seed}")))
    name = f"{now:%Y-%m-%d-%H%M%S}-{name}".replace(" ", "-").lower()
    folder = empty_folder(wanted.out) if wanted.out is not None else new_folder(Path("runs"), name)
    try:
        journal = Journal.create(folder, application, about)
    except BaseException:
        with suppress(OSError):  # not where somebody else has something in it
            folder.rmdir()
        raise
    return Opening(prepared, application, journal, folder, _command(folder), instrument.instrument, told)


def _again(wanted: Wanted, folder: Path, say: Callable[[str], None], there: Opened | None) -> Opening:
    journal = Journal.open(folder)
    try:
        application, about = journal.noted.application, journal.noted.about
        _check_agrees(wanted, folder, application, about)
        if complete(journal):
            return Opening(None, application, journal, folder, _command(folder), _named(about))
        store = None if about.calibrations is None else Path(about.calibrations)
        source = _Source(about.microscope, about.seed or 0, store, there)
        instrument, prepared, told = _prepared(application, source, say)
    except BaseException:
        journal.close()
        raise
    return Opening(prepared, application, journal, folder, _command(folder), instrument.instrument, told)


def _named(about: About) -> str:
    """The instrument with the simulation's seed."""
    return about.instrument if about.seed is None else f"{about.instrument} (seed {about.seed})"


def _application(wanted: Wanted) -> Application:
    """The application with what --settings puts in place. Raises InputError, SettingsError."""
    application = application_of(wanted.application or APPLICATION)
    for given in wanted.settings:
        node, equals, name = given.partition("=")
        if not equals or not node.strip() or not name.strip():
            raise SettingsError(f"'{given}' does not say which node. Write for example: --settings Focus=myfocus.toml")
        application = with_focus(application, node.strip(), chosen(name.strip()))
    return application


@dataclass(frozen=True, slots=True)
class _Source:
    """Which instrument, its calibrations' folder, and the instrument itself where it is open already."""

    microscope: str
    seed: int
    calibrations: Path | None
    there: Opened | None = None


def _prepared(
    application: Application, source: _Source, say: Callable[[str], None]
) -> tuple[Opened, Ready, tuple[str, ...]]:
    """The instrument with the application's presets, its chain checked; nothing moved."""
    microscope, seed, calibrations = source.microscope, source.seed, source.calibrations
    if microscope not in NAMES:
        raise InputError(f"There is no microscope '{microscope}'. Use one of: {', '.join(NAMES)}.")
    if calibrations is not None:
        check_store(calibrations, microscope=microscope, seed=seed)
    if source.there is None:
        say(f"Opening {'the simulated microscope' if microscope == SIMULATED else f'microscope {microscope}'} …")
    instrument = source.there or opened(microscope, seed=seed)
    book: CalibrationBook | None = instrument.brought if calibrations is None else stored_book(instrument, calibrations)
    if book is None:
        raise CalibrationError(f"{instrument.instrument} brings no calibration. Name a folder: --calibrations FOLDER")
    told = () if calibrations is None else cautions(instrument, calibrations)
    try:
        prepared = ready(instrument.microscope, application, book)
        return instrument, prepared, (*told, *prepared.cautions)
    except (CalibrationError, SettingsError) as error:
        if calibrations is not None and "eucentric calibrate" in str(error):
            error.add_note(f"All at once: {calibrate_all(calibrations, microscope=microscope, seed=seed)}")
        raise


def _check_agrees(wanted: Wanted, folder: Path, application: Application, about: About) -> None:
    """Raise InputError where an option contradicts the session that is to go on."""
    wrong, store = "", wanted.calibrations
    if wanted.out is not None and wanted.out.resolve() != folder.resolve():
        wrong = f"--out {wanted.out}: it is kept in {folder}"
    elif wanted.settings:
        wrong = "--settings: they are those with which it began"
    elif wanted.microscope is not None and wanted.microscope != about.microscope:
        wrong = f"--microscope {wanted.microscope}: it began on {about.microscope}"
    elif wanted.seed is not None and wanted.seed != (about.seed or 0):
        wrong = f"--seed {wanted.seed}: it began with seed {about.seed or 0}"
    elif store is not None and str(store.resolve()) != about.calibrations:
        wrong = f"--calibrations {store}: it began with {about.calibrations or 'those that the instrument tells'}"
    elif wanted.application is not None and application_of(wanted.application) != application:
        wrong = f"--application {wanted.application}: it is {application.name} as it was when it began"
    if wrong:
        raise InputError(f"A session that goes on can't take {wrong}. Leave that out: {_command(folder)}")


def _command(folder: Path) -> str:
    return f"eucentric run --resume {shlex.quote(str(folder))}"
