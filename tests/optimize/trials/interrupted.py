"""A program that is interrupted from outside: it tells its workers, then that one job ended, and how it came out."""

from __future__ import annotations

import signal

from eucentric.optimize.trials.cluster import cluster
from eucentric.optimize.trials.spread import spread
from tests.optimize.trials.jobs import endless_after_two, process


def main() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell begins in the background ignores it
    with cluster(workers=2) as on:
        print(*{one.result for one in spread(process, range(20), on).ended}, flush=True)
        came = spread(endless_after_two, range(6), on, tell=lambda _: print("one", flush=True))
    print(f"{came.stopped}: {len(came.ended)} of {came.asked}", flush=True)


if __name__ == "__main__":
    main()
