"""The sequence of tilts that tells best what is asked: an exchange of tilts and of places in the order. Pure.

From the usual patterns of as many images, and from random ones, in turn until nothing gains: each pair of compared
images is given every other pair of tilts of the grid, all images every size, and every image another place. The grid
has the sizes given and `DIRECTIONS` directions. The same every time: the random starts have a seed. It is no proof that
nothing is better: with other seeds patterns of eight images end some per cent apart, in the part of the error that
tilts decide on.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eucentric.errors import InputError
from eucentric.focus.forward import Complex
from eucentric.focus.patterns import Pattern, PatternName, pattern, pattern_of
from eucentric.optimize.patterns.design import Conditions, Told, as_arrays, criteria, told

DIRECTIONS = 12
"""Directions of the grid, 30° apart: those of cross and star are among them."""
SEED = 20_261_206
STARTS = 16
"""Random starts beside the usual patterns; with any two directions compared there are more exchanges, and `FEWER`."""
FEWER = 3
IMAGES = (2, 4, 6, 8)
"""Numbers of images that are compared."""
_MOST = 12
_GAINS = 1e-6  # relative: less is rounding

Links = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Found:
    """A pattern and what it tells."""

    plan: Pattern
    told: Told


def usual(name: PatternName, sizes_rad: tuple[float, ...], conditions: Conditions) -> Found:
    """A usual pattern at the size of tilt that suits it best."""
    found = [Found(plan, told(plan, conditions)) for plan in (pattern(name, size) for size in sizes_rad)]
    return min(found, key=lambda one: one.told.error_m)


def optimal(images: int, sizes_rad: tuple[float, ...], conditions: Conditions) -> Found:
    """The best pattern of so many images. Raises InputError for an odd number of them, or one not from 2 to 12."""
    if images % 2 or not 2 <= images <= _MOST:
        raise InputError(
            f"A pattern of {images} images can't be made of pairs: each image is compared with one other, once. Give "
            f"an even number from 2 to {_MOST}."
        )
    search = _Search(sizes_rad, conditions)
    found = [search.improved(*start) for start in _starts(images, sizes_rad, conditions)]
    return min((Found(plan, told(plan, conditions)) for plan in found), key=lambda one: one.told.error_m)


def _starts(images: int, sizes_rad: tuple[float, ...], conditions: Conditions) -> list[tuple[Complex, Links]]:
    """Tilts (images,) and compared images (links, 2) to start from."""
    plans = [usual(name, sizes_rad, conditions).plan for name in PatternName if pattern(name, 1.0).images == images]
    starts = [(omega[0], links[0]) for omega, links in map(as_arrays, plans)]
    rng = np.random.default_rng(SEED)
    for _ in range(STARTS if conditions.aim.opposite else FEWER):
        links = rng.permutation(images).reshape(-1, 2)
        first = rng.choice(sizes_rad, len(links)) * _turn(rng.integers(DIRECTIONS, size=len(links)))
        omega = np.zeros(images, complex)
        omega[links[:, 0]], omega[links[:, 1]] = first, -first
        starts.append((omega, links))
    return starts


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """Tilts (images,), compared images (links, 2), and the criterion."""

    omega: Complex
    links: Links
    worth: float


class _Search:
    """Exchanges on a grid."""

    def __init__(self, sizes_rad: tuple[float, ...], conditions: Conditions) -> None:
        self._conditions = conditions
        self._sizes = np.array(sizes_rad)
        around = _turn(np.arange(DIRECTIONS))
        every = [(a, -a) for a in around] if conditions.aim.opposite else list(itertools.combinations(around, 2))
        self._pairs = (np.array(every) * self._sizes[:, np.newaxis, np.newaxis]).reshape(-1, 2)

    def improved(self, omega: Complex, links: Links) -> Pattern:
        """What becomes of a start: the pattern that no single exchange makes better."""
        state = self._best(omega[np.newaxis], links[np.newaxis])
        while True:
            before = state.worth
            for k in range(len(links)):
                state = self._better(state, *self._exchanged(state, k))
            state = self._better(state, *self._resized(state))
            state = self._better(state, *self._reordered(state))
            if state.worth > before * (1 - _GAINS):
                return self._as_pattern(state)

    def _exchanged(self, state: _State, link: int) -> tuple[Complex, Links]:
        """One pair of compared images at every pair of tilts of the grid."""
        omega = np.repeat(state.omega[np.newaxis], len(self._pairs), axis=0)
        omega[:, state.links[link]] = self._pairs
        return omega, state.links[np.newaxis]

    def _resized(self, state: _State) -> tuple[Complex, Links]:
        """All tilts at every size."""
        return self._sizes[:, np.newaxis] * state.omega / np.abs(state.omega), state.links[np.newaxis]

    def _reordered(self, state: _State) -> tuple[Complex, Links]:
        """Every two images in each other's place, and every image moved to every other place."""
        images = state.omega.size
        usual = np.arange(images)
        orders = []  # which image comes when
        for i, j in itertools.permutations(range(images), 2):
            orders.append(np.insert(np.delete(usual, i), j, i))
            if i < j:
                swapped = usual.copy()
                swapped[[i, j]] = j, i
                orders.append(swapped)
        order = np.array(orders)
        return state.omega[order], np.argsort(order, axis=-1)[:, state.links]

    def _better(self, state: _State, omega: Complex, links: Links) -> _State:
        found = self._best(omega, links)
        return found if found.worth < state.worth * (1 - _GAINS) else state

    def _best(self, omega: Complex, links: Links) -> _State:
        links = np.broadcast_to(links, (len(omega), *links.shape[1:]))
        worth = criteria(omega, links, self._conditions)
        k = int(np.argmin(worth))
        return _State(omega[k], links[k], float(worth[k]))

    def _as_pattern(self, state: _State) -> Pattern:
        """Turned so that its first tilt is along −x, as the usual ones are: the criterion is the same.

        With opposite tilts compared as focusing compares them: each image with the next opposite one.
        """
        steps = np.round(np.angle(state.omega) / (2 * np.pi / DIRECTIONS)).astype(int)
        omega = np.abs(state.omega) * _turn((steps - steps[0] + DIRECTIONS // 2) % DIRECTIONS)
        tilts = tuple((float(w.imag), float(w.real)) for w in omega)
        if self._conditions.aim.opposite:
            return pattern_of(tilts)
        return Pattern(tilts, tuple((int(i), int(j)) for i, j in sorted(np.sort(state.links, axis=-1).tolist())))


def _turn(steps: NDArray[np.integer]) -> Complex:
    """Directions of the grid; opposite ones are exact negatives, and a quarter turn has no x."""
    half = DIRECTIONS // 2
    turned = np.round(np.exp(1j * np.pi * (steps % half) / half), 15)
    return np.asarray(turned * np.where(steps % DIRECTIONS < half, 1, -1))
