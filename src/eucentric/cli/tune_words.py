"""What a tuning says, in sentences: for the terminal, and for the comments of the settings that it writes.

Ranges in brackets hold with 95%.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from eucentric.focus.words import pattern_words, speed_words
from eucentric.optimize.tuning.chi_square import ChiSquare, refused_as_stated
from eucentric.optimize.tuning.fit_limit import OldLimit
from eucentric.optimize.tuning.learned import Contrast, Motion, Noise
from eucentric.optimize.tuning.rates import Found, Modelled, Rates
from eucentric.optimize.tuning.repeats import By, Mark
from eucentric.optimize.tuning.scores import Limit
from eucentric.optimize.tuning.tune import Tuning
from eucentric.units import E_PER_A2, minus, show_length

_NAMED = 4  # runs that are named one by one
_LARGEST = 1000.0  # of a χ² limit: what is larger refuses nothing
_NEVER = 1e-9  # a rate below this is none that anybody meets, or can be sure of


def percent(rate: float) -> str:
    """A rate for people: "0.053%"."""
    if rate < _NEVER:
        return f"less than {100 * _NEVER:.0e}%"
    if rate > 0.1:
        return f"{rate:.0%}"
    return f"{100 * rate:.2g}%" if rate >= 1e-6 else f"{100 * rate:.0e}%"


def interval(low: float, high: float) -> str:
    """A range of rates: "0.6 to 9%", or what it is below."""
    if low < _NEVER:
        return f"below {percent(high)}"
    return f"{percent(low).removesuffix('%')} to {percent(high)}"


def modelled(one: Modelled) -> str:
    """A modelled rate with its range, or what it is below."""
    if one.high <= 1.01 * one.rate:
        return f"at most {percent(one.rate)}"
    if one.rate <= one.least:
        more = f" ({interval(0.0, one.high)})" if one.high > 2 * one.least else ""
        return f"below {percent(one.least)}{more}"
    return f"{percent(one.rate)} ({interval(max(one.low, one.least), one.high)})"


def found(one: Found) -> str:
    """A count with the range that it leaves open."""
    return "none there" if one.of == 0 else f"{one.count} of {one.of} ({interval(*one.interval)})"


def both(one: Rates) -> str:
    """A rate as it is expected, where a model says so, and as it was found."""
    return f"{'' if one.model is None else f'{modelled(one.model)}; found '}{found(one.found)}"


def degrees(dof: int) -> str:
    """Degrees of freedom."""
    return f"{dof} degree{'s' if dof > 1 else ''} of freedom"


def places_words(count: int) -> str:
    """A number of places."""
    return f"{count} place{'s' if count > 1 else ''}"


def marks_words(tuning: Tuning) -> str:
    """How many are good and bad, and who says so."""
    marks = tuning.given.marks
    counts = Counter(one.mark for one in marks.values())
    told = ", ".join(f"{counts[mark]} {mark}" for mark in Mark if counts[mark])
    others = [f"{n} {one.mark}" for n, one in marks.items() if one.by is By.OTHERS]
    odd = f" Against the verdict, by what the others found: {', '.join(others)}." if others else ""
    by = ", ".join(dict.fromkeys(str(one.by) for one in marks.values()))
    return f"{len(marks)} repeats at {places_words(tuning.chi2.places)}: {told} (marked by {by}).{odd}"


def noise_words(noise: Noise | None) -> str:
    """The scatter of C1."""
    if noise is None:
        return "too few repeats at one place with a statistical error"
    jumps = f"; {noise.jumps} jumps left out" if noise.jumps else ""
    verdict = "as stated" if noise.low <= 1 <= noise.high else ("more than stated" if noise.low > 1 else "less")
    return (
        f"C1 scatters by {noise.scatter_m * 1e9:.2g} nm beside its drift: {noise.ratio:.2f} ({noise.low:.2f} to "
        f"{noise.high:.2f}) of the stated statistical σ, {verdict}{jumps}"
    )


def contrast_words(contrast: Contrast) -> str:
    """What the images have in common."""
    finest = "" if contrast.finest_m is None else f", above noise down to {contrast.finest_m * 1e9:.2g} nm"
    electrons = "" if contrast.electrons_per_px is None else f", {contrast.electrons_per_px:.3g} electrons per pixel"
    dose = "" if contrast.dose_e_per_m2 is None else f", {contrast.dose_e_per_m2 / E_PER_A2:.3g} e/Å² a measurement"
    return f"peak coherence {contrast.coherence:.2f}{finest}{electrons}{dose}, lit {contrast.lit:.0%}"


def motion_words(one: Motion, *, several: bool) -> str:
    """How the specimen and focus moved at one place."""
    middle = 0.5 * (one.first_s + one.last_s)
    c1 = f"C1 {_speed(one, middle)} nm/s"
    if len(one.c1.terms) > 2:
        c1 += f" (from {_speed(one, one.first_s)} to {_speed(one, one.last_s)})"
    image = "the images do not tell their own (the camera's pattern hides it)"
    if one.image_m_per_s is not None:
        image = f"the image {speed_words(one.image_m_per_s)}"
    first = "" if one.first_m is None else "; no first-exposure motion seen"
    if one.first_m is not None and one.first_motion:
        first = f"; the first exposures moved it by {one.first_m * 1e9:.2g} nm more"
    return f"{f'place {one.place + 1}: ' if several else ''}{c1}; {image}{first}"


def _speed(one: Motion, time_s: float) -> str:
    return minus(f"{one.c1.speed(time_s) * 1e9:+.2g}")


def chi2_words(tuning: Tuning) -> list[str]:
    """χ² explained, with the step's numbers."""
    chi2, step = tuning.chi2, tuning.given.step
    of = f"{degrees(chi2.dof)} of {'its' if step.tilts_rad else 'a'} {pattern_words(step).removesuffix(' of its own')}"
    at = "" if chi2.dof == 1 else f" At the {of} it is {chi2.allowed:.3g} in all."
    return [
        "χ² compares what no defocus explains in the shifts with all its stated errors, squared: as expected, it is 1 "
        f"per degree of freedom. The limit {chi2.limit:g} at 1 degree is a misfit of {math.sqrt(chi2.limit):.1f} σ; "
        f"it refuses {percent(refused_as_stated(chi2.allowed, chi2.dof))} of good ones with errors as stated.{at}",
        *([_level_words(chi2)] if chi2.levels else []),
        _scale_words(chi2),
    ]


def _level_words(chi2: ChiSquare) -> str:
    stay, change = (", ".join(f"{getattr(one, part):.2g}" for one in chi2.levels) for part in ("offset", "scatter"))
    where = "Here the misfit" if len(chi2.levels) == 1 else "From one series to the next the misfit"
    return (
        f"{where} is {stay} σ that stay (calibration, astigmatism, steady drift), and {change} σ that change from "
        "repeat to repeat."
    )


def _scale_words(chi2: ChiSquare) -> str:
    told = (
        f"Mean χ² per degree over {places_words(chi2.places)}: {chi2.scale:.2g} ({chi2.scale_low:.2g} to "
        f"{chi2.scale_high:.2g})"
    )
    if chi2.believed > 1:
        return f"{told}. The stated errors are too small; the limit makes up for it. Better: calibrate anew."
    if chi2.scale_high < 1 and chi2.believed == 1:
        why = "it takes three places" if chi2.places < 3 else "some were refused for χ² alone, and it takes their marks"
        return f"{told}: less than stated, but {why} to lower the limit for that."
    if chi2.believed < 1:
        return f"{told}. The stated errors are too large; the limit is lower by that, for specimens as quiet as here."
    few = "" if chi2.places > 2 else " How good ones are at other places only those tell: give more than one --from."
    return f"{told}. Errors as stated are possible, and the limit is theirs.{few}"


def passing_words(tuning: Tuning) -> str:
    """What the χ² limit lets pass."""
    passing = tuning.passing
    bad = f", of repeats marked bad {found(passing.bad)}" if passing.bad.of else ""
    blanks = f", of blank ones {found(passing.blanks)}" if passing.blanks.of else ""
    return (
        f"χ² alone would accept of random peaks {found(passing.peaks)}{blanks}{bad}; and a jump of the specimen by up "
        f"to {passing.motion_m * 1e9:.2g} nm across the tilt of a pair. A jump along the tilt no χ² sees: one as long "
        f"is taken for {show_length(passing.as_defocus_m)} of defocus."
    )


def old_words(tuning: Tuning, old: OldLimit) -> str:
    """A fit limit in px², in χ²."""
    accepted = sum(p.misfit_px2 <= old.px2 for p in tuning.given.peaks)
    limit = f"a χ² limit of {old.limit:.3g}" if old.limit < _LARGEST else "beyond any χ² limit"
    return (
        f"A fit limit of {old.px2:.4g} px² (Leginon's, unbinned): {_misfit(tuning, old)}. That is χ² {old.chi2:.3g} at "
        f"{degrees(old.dof)}, {limit}. It refuses {percent(old.refuses)} of good ones with "
        f"errors as stated, and accepts of random peaks {found(Found(accepted, len(tuning.given.peaks)))}."
    )


def new_words(tuning: Tuning) -> str:
    """The tuned χ² limit in px²."""
    old, pairs = tuning.old, len(tuning.given.repeats[0].links)
    only = "" if pairs == 1 else " (if one pair misses and the others fit)"
    return f"The χ² limit of {tuning.chi2.limit:g} is a fit limit of {old.px2:.3g} px²{only}: {_misfit(tuning, old)}."


def _misfit(tuning: Tuning, old: OldLimit) -> str:
    tilt = f"{0.5e3 * tuning.px2.separation_rad:.3g} mrad"
    return (
        f"{math.sqrt(old.px2):.3g} camera pixels across the tilt, {old.across_m * 1e9:.2g} nm, as far as "
        f"{show_length(old.defocus_m)} of defocus move a pair of ±{tilt}"
    )


def assumptions(tuning: Tuning) -> list[str]:
    """What the numbers rest on."""
    doses = [one.dose_e_per_m2 for one in tuning.given.repeats if one.dose_e_per_m2 is not None]
    said = ["Ranges in brackets hold with 95%. Rates that are expected are those of a model; those found are counted."]
    if doses:
        each = sum(doses) / tuning.chi2.places / E_PER_A2
        said.append(
            f"Each place got {each:.3g} e/Å²: contrast fades with dose, and first exposures move a specimen most."
        )
    if tuning.given.blanks:
        said.append(
            "Blank ones are stored measurements, the second image of each pair with random phases: as bright and "
            "grained, with nothing in common. They have no camera pattern and no edge of the beam; other tests are for "
            "those."
        )
    said.append("A wrong answer that all repeats share, as one wrong cell of a lattice, is not seen by repeating.")
    return said


def _moved(before: float, after: float) -> str:
    return "Kept" if after == before else f"Was {before:g}"


def limit_words(one: Limit) -> str:
    """A limit on evidence, for a comment."""
    blank = "" if one.blank is None else f" Accepts of blank pairs {both(one.blank)}."
    bad = "" if one.accepts.of == 0 else f" Accepts of those marked bad {found(one.accepts)}."
    return f"{_moved(one.before, one.after)}: {one.why}. Refuses of good ones {both(one.refuses)}.{blank}{bad}"


def chi2_note(tuning: Tuning) -> str:
    """The χ² limit, for a comment."""
    chi2, passing = tuning.chi2, tuning.passing
    blanks = f", of blank ones {found(passing.blanks)}" if passing.blanks.of else ""
    bad = f", of those marked bad {found(passing.bad)}" if passing.bad.of else ""
    return (
        f"{_moved(chi2.before, chi2.limit)}: mean χ² per degree of freedom {chi2.scale:.2g} over "
        f"{places_words(chi2.places)}. Refuses of good ones here {both(chi2.here)}; elsewhere "
        f"{modelled(chi2.elsewhere)}. Alone accepts of random peaks {found(passing.peaks)}{blanks}{bad}. In Leginon's "
        f"words a fit limit of {tuning.old.px2:.3g} px²."
    )


def _sources(where: Sequence[str]) -> str:
    """The first of many, and the last."""
    return ", ".join(where) if len(where) <= _NAMED else f"{where[0]} to {where[-1]} ({len(where)} runs)"


def notes(tuning: Tuning, where: Sequence[str], when: str) -> dict[str, str]:
    """The comments of a settings file, by the limit that they are on."""
    head = (
        f"Tuned on {when} from {marks_words(tuning)} Kept in {_sources(where)}. With all these limits refused of good "
        f"ones {found(tuning.together_refuses)}, accepted of blank ones {found(tuning.together_blanks)}. Ranges in "
        "brackets hold with 95%; rates that are expected are a model's, those found are counted."
    )
    return {"": head, "chi2_per_dof_max": chi2_note(tuning), **{one.setting: limit_words(one) for one in tuning.limits}}
