"""The sequences and "where is …" name functions that exist, in the files that they link to."""

import ast
import re
from pathlib import Path

import pytest

from tools.docs.architecture import A_JOB, A_STORY, WHERE, Code, place
from tools.docs.pages import ROOT

NAMED = [*(step.code for step in (*A_STORY, *A_JOB)), *(code for _, found in WHERE for code in found)]


@pytest.mark.parametrize("code", dict.fromkeys(NAMED), ids=lambda code: code.__qualname__)
def test_every_function_stands_in_the_file_that_is_named(code: Code) -> None:
    file, name = place(code)
    body: list[ast.stmt] = ast.parse((ROOT / file).read_text("utf-8")).body
    for part in name.split("."):
        (found,) = [
            node
            for node in body
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name == part
        ]
        body = found.body


def test_code_of_others_cannot_be_named() -> None:
    with pytest.raises(LookupError, match="is not ours"):
        place(Path.read_text)


def test_a_step_goes_on_where_some_earlier_one_has_been() -> None:
    """Nobody calls before they were called themselves, or received a message."""
    for steps in (A_STORY, A_JOB):
        seen = {steps[0].caller}
        for step in steps:
            assert step.caller in seen
            seen.add(step.callee)


def test_a_stranger_finds_the_four_places_from_readme() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    table = readme.split("<!-- made: where -->")[1].split("<!-- /made -->")[0]
    for question in ("a job consumed", "a job retried", "a story's state changed", "what a worker publishes"):
        (row,) = [line for line in table.splitlines() if line.startswith(f"| {question}")]
        assert re.search(r"`\w+(\.\w+)?` in \[(\S+\.py)\]\(\2\)", row)


def test_three_pages_take_ten_minutes() -> None:
    """Two thousand words and the pictures."""
    words = 0
    for page in (ROOT / "docs/architecture").glob("*.md"):
        text = re.sub(r"```.*?```|^\|.*?$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
        words += len(text.split())
    assert words <= 2000
