"""A Prometheus that scrapes one address often, and evaluates our rules as often: what it answers, asked over HTTP."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from aiohttp import ClientError, ClientSession

from local.ports import free_port
from tests.integration.core.system import until

OFTEN = "500ms"
"""Between two scrapes, and two evaluations."""


@dataclass(frozen=True, slots=True)
class Prometheus:
    """The server."""

    http: ClientSession

    async def query(self, promql: str) -> list[dict[str, Any]]:
        """An instant query's samples. Raises AssertionError with the server's words where it refuses."""
        async with self.http.get("/api/v1/query", params={"query": promql}) as answer:
            found = await answer.json()
            assert found["status"] == "success", f"{promql}: {found}"
            assert not found.get("warnings"), f"{promql}: {found}"
            result: list[dict[str, Any]] = found["data"]["result"]
            return result

    async def rules(self) -> list[dict[str, Any]]:
        """Every rule, as it was evaluated last."""
        async with self.http.get("/api/v1/rules") as answer:
            groups = (await answer.json())["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    async def has(self, promql: str) -> bool:
        """Whether a query has an answer by now."""
        return bool(await self.query(promql))


@asynccontextmanager
async def prometheus(program: Path, folder: Path, target: str, rules: Collection[Path]) -> AsyncIterator[Prometheus]:
    """Run one over ``target`` (a URL's host and port), with its files in ``folder``."""
    settings = {
        "global": {"scrape_interval": OFTEN, "scrape_timeout": OFTEN, "evaluation_interval": OFTEN},
        "rule_files": [str(path) for path in rules],
        "scrape_configs": [{"job_name": "storyloom", "static_configs": [{"targets": [urlsplit(target).netloc]}]}],
    }
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(settings), "utf-8")
    address = f"127.0.0.1:{free_port()}"
    process = await asyncio.create_subprocess_exec(
        program,
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
        "--log.level=error",
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with ClientSession(f"http://{address}") as http:

            async def ready() -> bool:
                assert process.returncode is None, f"prometheus ended with {process.returncode}"
                try:
                    async with http.get("/-/ready") as answer:
                        return answer.status == 200
                except ClientError:
                    return False

            await until(ready)
            yield Prometheus(http)
    finally:
        process.kill()
        await process.wait()
