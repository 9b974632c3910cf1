"""schemathesis against the running api: whatever is sent, the answer is one that the OpenAPI document declares.

``make fuzz`` gives each operation more examples than ``make test`` does.
"""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from storyloom.runtime.settings import Settings
from storyloom.story.assets import Service
from tests.integration.api.command_requests import answer_edits, answer_evaluations
from tests.integration.core.system import running
from tools.docs.pages import ROOT

EXAMPLES = int(os.environ.get("API_FUZZ_EXAMPLES", "10"))
"""Of each operation."""
PHASES = "examples,coverage,fuzzing,stateful" if EXAMPLES >= 50 else "examples,fuzzing,stateful"
"""Walking every border of every parameter takes as long as all the rest."""
NO_WORKERS: tuple[Service, ...] = ()


@pytest.mark.timeout(60 + 12 * EXAMPLES)
async def test_every_answer_to_generated_requests_is_as_declared(settings: Settings, tmp_path: Path) -> None:
    """All of its checks, the same requests every time; the stream, which does not end, is left out."""
    async with running(settings, workers=NO_WORKERS) as system:
        await answer_edits(system)
        await answer_evaluations(system)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()",
            "--config-file", str(ROOT / "tests/contract/openapi/schemathesis.toml"),
            "run", f"{system.api.url}/api/v1/openapi.json", "--url", system.api.url,
            "--header", f"Authorization: Bearer {system.key}", "--exclude-operation-id", "streamStory",
            "--checks", "all", "--phases", PHASES, "--max-examples", str(EXAMPLES), "--generation-deterministic",
            "--no-color", "--workers", "1", "--request-timeout", "10",
            cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said = (await process.communicate())[0].decode()
    assert process.returncode == 0, said
