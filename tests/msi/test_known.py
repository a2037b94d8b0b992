"""A need or promise with its numbers."""

from __future__ import annotations

from eucentric.msi.known import Check


def test_it_is_met_up_to_its_limit() -> None:
    assert Check("height", 20e-6, 20e-6).met
    assert not Check("height", 20e-6, 20.1e-6).met


def test_what_is_not_known_is_not_met() -> None:
    assert not Check("defocus", 1e-6, None).met
    assert str(Check("defocus", 1e-6, None)) == "defocus not known (limit ±1 µm)"


def test_it_reads_as_people_write_it() -> None:
    assert str(Check("defocus", 50e-9, 23e-9)) == "defocus ±23 nm (limit ±50 nm)"
