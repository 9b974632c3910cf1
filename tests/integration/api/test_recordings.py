"""The narration with the cover in its tag, over HTTP: by a key, by a link, in parts, without a cover."""

import hashlib
import io
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import av
import pytest
from PIL import Image

from client import Story, StoryloomClient
from client.receipts import changed_files
from services.api.receipts.receipts import artefacts_of
from services.audio.joining import Piece, join_now
from services.audio.tags import Tags
from storyloom.providers.elevenlabs.mp3 import decode
from storyloom.runtime.settings import Settings
from storyloom.storage.objects import Objects
from storyloom.story.assets import Asset
from storyloom.web.keys import add_key
from studio.voice.synthesis import synthesise
from tests.integration.core.system import System, running


@pytest.fixture
async def system(settings: Settings) -> AsyncIterator[System]:
    async with running(settings) as found:
        yield found


@dataclass
class Recorded:
    """A story whose narration and cover are really stored."""

    system: System
    objects: Objects
    id: UUID
    mp3: bytes

    async def ask(
        self, path: str = "audio/file?part=tagged", method: str = "GET", secret: str = "", **headers: str
    ) -> tuple[int, bytes, Mapping[str, str]]:
        """Status, body and headers of one of its assets."""
        authorization = f"Bearer {secret}" if secret else self.system.headers["Authorization"]
        sent = {"Authorization": authorization} | {name.replace("_", "-"): text for name, text in headers.items()}
        url = f"{self.system.api.url}/api/v1/stories/{self.id}/assets/{path}"
        async with self.system.http.request(method, url, headers=sent, allow_redirects=False) as answer:
            return answer.status, await answer.read(), answer.headers

    async def paint(self, colour: str) -> None:
        """Another cover."""
        png = io.BytesIO()
        Image.new("RGB", (1024, 1024), colour).save(png, "PNG")
        await self.put(Asset.COVER, "image", png.getvalue(), "image/png")

    async def put(self, asset: Asset, name: str, data: bytes, kind: str) -> None:
        stored = await self.objects.put(self.id, asset, data, kind)
        await self.system.pool.execute(
            "UPDATE asset_generation_jobs SET result = jsonb_set(result, ARRAY[$3], $4)"
            " WHERE story_id = $1 AND asset_type = $2",
            self.id,
            asset.value,
            name,
            stored.model_dump(mode="json"),
        )

    async def set_cover(self, status: str) -> None:
        await self.system.pool.execute(
            "UPDATE asset_generation_jobs SET status = $2 WHERE story_id = $1 AND asset_type = 'cover'", self.id, status
        )

    async def share(self) -> str:
        """A link's secret."""
        url = f"{self.system.api.url}/api/v1/stories/{self.id}/shares"
        async with self.system.http.post(url, headers=self.system.headers) as answer:
            secret: str = (await answer.json())["url"].partition("#")[2]
            return secret


@pytest.fixture
async def recorded(system: System, objects: Objects) -> Recorded:
    spoken = synthesise("Mira looked up. The lantern was lit.", voice_id="ann", settings={}, engine="espeak", seed=7)
    mp3 = join_now([Piece(spoken.mp3, spoken.ends[-1])], pause=0, tags=Tags("The Lost Lantern", "en")).mp3
    found = Recorded(system, objects, await system.post(), mp3)
    await system.finished(found.id)
    await found.put(Asset.AUDIO, "audio", mp3, "audio/mpeg")
    await found.put(Asset.AUDIO, "vtt", b"WEBVTT\n", "text/vtt")
    await found.paint("teal")
    return found


async def test_whoever_keeps_the_narration_has_the_cover_in_it(recorded: Recorded) -> None:
    """By a key and by a link; the same sound, so that the times of words are right; its length is told."""
    status, kept, headers = await recorded.ask()
    assert (status, headers["Content-Type"], headers["Accept-Ranges"]) == (200, "audio/mpeg", "bytes")
    assert int(headers["Content-Length"]) == len(kept) > len(recorded.mp3)
    assert headers["Content-Disposition"] == 'inline; filename="audio.mp3"'
    assert decode(kept) == decode(recorded.mp3)
    with av.open(io.BytesIO(kept), "r", format="mp3") as container:
        assert (container.metadata["title"], container.metadata["language"]) == ("The Lost Lantern", "eng")
        (picture,) = container.streams.video
        assert (picture.width, picture.height) == (1000, 1000)
    assert (await recorded.ask(secret=await recorded.share()))[1] == kept
    status, nothing, head = await recorded.ask(method="HEAD")
    assert (status, nothing, head["Content-Length"]) == (200, b"", headers["Content-Length"])
    assert (await recorded.ask("audio/file"))[1] == recorded.mp3


async def test_any_part_of_it_is_that_part(recorded: Recorded) -> None:
    """Within the tag, across its end, behind it: so a download goes on where it was cut off."""
    _, kept, headers = await recorded.ask()
    sound = kept.index(recorded.mp3[-2000:]) + 2000 - len(recorded.mp3) + 200
    for first, last in [(0, 9), (5, sound), (sound - 500, sound + 500), (sound + 3, len(kept) - 1), (0, len(kept) - 1)]:
        status, part, told = await recorded.ask(Range=f"bytes={first}-{last}")
        assert (status, part) == (206, kept[first : last + 1]), (first, last)
        assert told["Content-Range"] == f"bytes {first}-{last}/{len(kept)}"
        assert int(told["Content-Length"]) == len(part)
        assert told["ETag"] == headers["ETag"]
    assert (await recorded.ask(Range="bytes=-100"))[1] == kept[-100:]
    status, part, _ = await recorded.ask(Range="bytes=7-", If_Range=headers["ETag"])
    assert (status, part) == (206, kept[7:])
    assert (await recorded.ask(If_None_Match=headers["ETag"]))[:2] == (304, b"")
    await recorded.paint("salmon")
    status, whole, told = await recorded.ask(Range="bytes=7-", If_Range=headers["ETag"])
    assert (status, int(told["Content-Length"])) == (200, len(whole))
    assert told["ETag"] != headers["ETag"]
    assert (await recorded.ask(If_None_Match=headers["ETag"]))[0] == 200


async def test_without_a_cover_it_is_the_stored_file(recorded: Recorded) -> None:
    """Its address is not kept, whatever version it names: the cover may come later."""
    plain = await recorded.ask("audio/file")
    version = hashlib.sha256(recorded.mp3).hexdigest()[:16]
    assert "immutable" in (await recorded.ask(f"audio/file?v={version}"))[2]["Cache-Control"]
    for status in ("generating", "failed"):
        await recorded.set_cover(status)
        _, body, headers = await recorded.ask(f"audio/file?v={version}&part=tagged")
        assert (body, headers["ETag"]) == (recorded.mp3, plain[2]["ETag"])
        assert headers["Cache-Control"] == "private, no-cache"
    await recorded.set_cover("ready")
    assert (await recorded.ask())[2]["ETag"] != plain[2]["ETag"]
    await recorded.put(Asset.COVER, "image", b"no picture", "image/png")
    assert (await recorded.ask())[1] == recorded.mp3
    await recorded.objects.delete([key for key, _ in await recorded.objects.list_keys(recorded.id) if "cover" in key])
    assert (await recorded.ask())[1] == recorded.mp3
    await recorded.objects.delete([key for key, _ in await recorded.objects.list_keys(recorded.id) if "audio" in key])
    assert (await recorded.ask())[0] == 503


async def test_nobody_else_gets_it_and_nothing_else_is_tagged(recorded: Recorded) -> None:
    """As the narration and the cover: not another story's link, not another tenant, not a link that is closed."""
    system, secret = recorded.system, await recorded.share()
    stranger = await add_key(system.pool, "strangers", "theirs", scopes=("stories:read",))
    assert (await recorded.ask(secret=stranger))[0] == 404
    assert (await recorded.ask("audio?part=tagged", secret=stranger))[0] == 404
    other = Recorded(system, recorded.objects, await system.post(), b"")
    await system.finished(other.id)
    assert (await other.ask(secret=secret))[0] == 404
    await system.pool.execute("UPDATE story_shares SET paused_at = now()")
    assert (await recorded.ask(secret=secret))[0] == 401
    for asset in ("cover", "pdf", "portrait"):
        assert (await recorded.ask(f"{asset}/file?part=tagged"))[0] == 404
        assert (await recorded.ask(f"{asset}?part=tagged"))[0] == 404


async def test_the_client_fetches_it_and_a_receipt_knows_it_again(recorded: Recorded, tmp_path: Path) -> None:
    """The address of an asset leads to it; what is downloaded is no change, and a changed sound is one."""
    status, _, headers = await recorded.ask("audio?part=tagged")
    assert status == 302
    assert headers["Location"] == f"/api/v1/stories/{recorded.id}/assets/audio/file?part=tagged"
    rows = await recorded.system.rows(
        "SELECT asset_type, result FROM asset_generation_jobs WHERE story_id = $1 AND asset_type IN ('audio', 'cover')",
        recorded.id,
    )
    receipt: Any = {"artefacts": [*artefacts_of({row["asset_type"]: row["result"] for row in rows})]}
    story = await recorded.system.get(recorded.id)
    assets = {name: one for name, one in story["assetGenerationStatus"]["assets"].items() if name in ("audio", "cover")}
    story["assetGenerationStatus"]["assets"] = assets
    path = tmp_path / "narration.mp3"
    async with StoryloomClient(recorded.system.api.url, recorded.system.key) as asking:
        files = await asking.download_all(cast("Story", story), tmp_path)
    kept = path.read_bytes()
    assert (kept, dict(files)[path.name]) == ((await recorded.ask())[1], len(kept))
    assert [*changed_files(receipt, tmp_path)] == []
    path.write_bytes(kept[:-1])
    assert [*changed_files(receipt, tmp_path)] == ["narration.mp3"]
    path.write_bytes(recorded.mp3)
    assert [*changed_files(receipt, tmp_path)] == []
