"""A tuning on the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from eucentric.cli import tune_words as words
from eucentric.cli.live import wrapped
from eucentric.records.plain import plain

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from eucentric.optimize.tuning.fit_limit import OldLimit
    from eucentric.optimize.tuning.rates import Rates
    from eucentric.optimize.tuning.tune import Tuning

_INDENT = " " * 10
_WIDEST = 100


def show(console: Console, tuning: Tuning, old: OldLimit | None) -> None:
    """What was learned, the limits as a table, and what they mean."""
    learned = tuning.learned
    several = len(learned.motions) > 1
    told = [
        ("marks", [words.marks_words(tuning)]),
        ("noise", [words.noise_words(learned.noise)]),
        ("contrast", [words.contrast_words(learned.contrast)]),
        ("drift", [words.motion_words(one, several=several) for one in learned.motions]),
        ("χ²", [*words.chi2_words(tuning), words.passing_words(tuning)]),
        ("px²", [*([] if old is None else [words.old_words(tuning, old)]), words.new_words(tuning)]),
    ]
    for key, sentences in told:
        _say(console, key, sentences)
    console.print(_table(tuning))
    bad = f"; accepted of those marked bad {words.found(tuning.together_accepts)}" if tuning.together_accepts.of else ""
    blanks = f"; accepted of blank ones {words.found(tuning.together_blanks)}" if tuning.together_blanks.of else ""
    _say(console, "together", [f"refused of good ones {words.found(tuning.together_refuses)}{bad}{blanks}"])
    _say(console, "note", words.assumptions(tuning))


def _say(console: Console, key: str, sentences: Sequence[str]) -> None:
    for n, text in enumerate(sentences):
        head = (key if n == 0 else "").ljust(len(_INDENT))
        for line in wrapped(f"{head}{text}", min(console.width, _WIDEST), _INDENT):
            console.print(line, markup=False, soft_wrap=True)


def _table(tuning: Tuning) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(title=f"Limits of step {tuning.given.step.name}", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("limit", overflow="fold")
    table.add_column("was", no_wrap=True)
    table.add_column("tuned", no_wrap=True)
    table.add_column("refuses of good ones: expected, found", overflow="fold")
    table.add_column("accepts of blank ones", overflow="fold")
    chi2, passing = tuning.chi2, tuning.passing
    here = f"here {_two(chi2.here)}\nelsewhere {words.modelled(chi2.elsewhere)}"
    table.add_row("chi2_per_dof_max", f"{chi2.before:g}", f"{chi2.limit:g}", here, words.found(passing.blanks))
    for one in tuning.limits:
        blank = "" if one.blank is None else f"pairs {_two(one.blank)}"
        table.add_row(one.setting, f"{one.before:g}", f"{one.after:g}", _two(one.refuses), blank)
    return table


def _two(one: Rates) -> str:
    """A rate as it is expected, and below it as it was found."""
    return "\n".join([*([] if one.model is None else [words.modelled(one.model)]), words.found(one.found)])


def as_json(tuning: Tuning, old: OldLimit | None, sources: Sequence[str]) -> dict[str, Any]:
    """A tuning in SI units, without images."""
    chi2 = tuning.chi2
    return {
        "step": tuning.given.step.name,
        "sources": list(sources),
        "thresholds": plain(tuning.thresholds),
        "learned": plain(tuning.learned),
        "chi2": {**plain(chi2), "allowed": chi2.allowed},
        "passing": plain(tuning.passing),
        "limits": [plain(one) for one in tuning.limits],
        "fit_limit": plain(old),
        "fit_limit_of_chi2": plain(tuning.old),
        "together": {
            "refuses_good": plain(tuning.together_refuses),
            "accepts_bad": plain(tuning.together_accepts),
            "accepts_blank": plain(tuning.together_blanks),
        },
        "repeats": [
            {
                "number": one.number,
                "place": one.place + 1,
                "mark": str(tuning.given.marks[one.number].mark),
                "marked_by": str(tuning.given.marks[one.number].by),
                "time_s": one.time_s,
                "chi2": one.result.measurement.chi2,
                "dof": one.result.measurement.dof,
                **plain(one.result.summary()),
            }
            for one in tuning.given.repeats
        ],
    }
