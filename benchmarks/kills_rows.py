"""The lines of the table on killed sessions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.claims import Claim, judged, shown
from benchmarks.killed import Story

_GROUP = "killed"


def claims_of(told: list[Story], *, least: int | None) -> Iterator[Claim]:
    """The lines. At least `least` kills must have struck; None: as many as did."""
    kills = sum(s.kills for s in told)
    struck = f"{kills}, in {sum(s.kills > 0 for s in told)} of {len(told)} sessions"
    if least is None:
        yield shown(_GROUP, "kills that struck", struck)
    else:
        yield judged(_GROUP, "kills that struck", f"≥ {least}", struck, kills >= least)
    for what, wrong in (
        ("targets exposed twice", [f"{s.name}: {w}" for s in told for w in s.twice]),
        ("units done again after they were done", [f"{s.name}: {w}" for s in told for w in s.again]),
        (
            "outcomes or images that were confirmed and are lost or changed",
            [f"{s.name}: {w}" for s in told for w in s.lost],
        ),
        ("units that never ended", [f"{s.name}: {w}" for s in told for w in s.unended]),
        ("states left changed at the end", [f"{s.name}: {w}" for s in told for w in s.left]),
        (
            "exposures after a resume that are more than 4 stated σ from the intended defocus",
            [f"{s.name}: {w}" for s in told for w in s.defocused],
        ),
        ("limits passed", [f"{s.name}: {w}" for s in told for w in s.beyond]),
        ("not complete in the end, or anything else", [f"{s.name}: {w}" for s in told for w in s.other]),
    ):
        yield judged(
            _GROUP,
            f"{kills} kills in {len(told)} sessions: {what}",
            "0",
            f"{len(wrong)}",
            not wrong,
            "; ".join(wrong)[:400],
        )
    yield _cost(told)
    pulls = [abs(p) for s in told for p in s.pulls]
    within = "none" if not pulls else f"{np.mean([p < 1 for p in pulls]):.0%}, {np.mean([p < 3 for p in pulls]):.0%}"
    yield shown(_GROUP, f"the {len(pulls)} exposures after a resume: within 1 and 3 stated σ of the intended", within)
    unmade = [f"{s.name}: {w}" for s in told for w in s.unmade]
    yield shown(
        _GROUP, "targets begun when killed, not exposed, and given up", f"{len(unmade)}", "; ".join(unmade)[:300]
    )


def _cost(told: list[Story]) -> Claim:
    """Exposures that a kill cost: each by a kill whose process did nothing on the instrument after that exposure."""
    lost = [f"{s.name}: {w}" for s in told for w in s.interrupted]
    unexplained, between = [w for s in told for w in s.cost], sum(s.exposing for s in told)
    return judged(
        _GROUP,
        "exposures that a kill cost (exposed, not kept, not exposed again)",
        f"≤ {between}, one for each kill between an exposure and the next call that moves or sets; by others 0",
        f"{len(lost)}; by others {len(unexplained)}",
        len(lost) <= between and not unexplained,
        "; ".join(lost)[:300],
    )
