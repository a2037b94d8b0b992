"""The table of claims: what people read, and where it is put."""

from __future__ import annotations

from pathlib import Path

from benchmarks.__main__ import _write
from benchmarks.claims import as_markdown, judged, not_run, shown


def test_every_claim_is_a_line_with_its_outcome() -> None:
    claims = [judged("g", "a", "≤ 1", "2", False), judged("g", "b", "≤ 3", "2", True), shown("g", "c", "5")]
    lines = as_markdown([*claims, not_run("g", "d", "≤ 1", "why not")]).splitlines()
    assert [line.split("|")[-2].strip() for line in lines[2:]] == ["missed", "met", "", "not run"]
    assert "why not" in lines[-1]


def test_table_goes_between_the_markers(tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_text("before\n<!-- measured: begin (x) -->\nold\n<!-- measured: end -->\nafter\n", encoding="utf-8")
    _write(file, "new\n")
    _write(file, "newer\n")
    assert file.read_text(encoding="utf-8") == (
        "before\n<!-- measured: begin (x) -->\nnewer\n<!-- measured: end -->\nafter\n"
    )


def test_a_file_without_markers_is_the_table(tmp_path: Path) -> None:
    _write(tmp_path / "table.md", "new\n")
    assert (tmp_path / "table.md").read_text(encoding="utf-8") == "new\n"
