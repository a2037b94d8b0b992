"""The instruments that come along, as files to be copied and changed."""

from __future__ import annotations

import tomllib

import pytest

from eucentric.focus.fields import without_unit
from eucentric.optimize.instrument import SHIPPED, instrument_of, shipped_text


@pytest.mark.parametrize("name", SHIPPED)
def test_a_file_to_edit_has_every_value_of_an_instrument(name: str) -> None:
    values, written = instrument_of(name).model_dump(), tomllib.loads(shipped_text(name))
    tables = {key: [value] for key, value in values.items() if isinstance(value, dict)}
    tables["magnifications"] = list(values["magnifications"])
    for key, of in tables.items():
        there = written[key] if isinstance(written[key], list) else [written[key]]
        for table, text in zip(of, there, strict=True):
            assert {without_unit(one) for one in table} == set(text), key
