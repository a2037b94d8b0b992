"""What all tests share: what a command records by default goes to a folder of the tests, not to the user's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def _records_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EUCENTRIC_RECORDS", str(tmp_path_factory.mktemp("records") / "records.sqlite"))
        yield
