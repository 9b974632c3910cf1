"""The page of books with their receipts."""

import json
from pathlib import Path

from tools.quality.gallery import write_gallery

STORY = {
    "title": "Mira & the <Fox>",
    "logline": "A fox looks for her lantern.",
    "storyType": "bedtime",
    "age": 5,
    "scenes": [{"scene": k, "text": f"Page {k}.", "altText": f'A "fox" {k}'} for k in (1, 2, 3, 4)],
}
CLAIM = {"outcome": "fail", "title": "No <letters>", "value": 2, "unit": "words", "reason": "In cover."}


def test_every_picture_stands_with_its_words_and_every_claim_with_its_value(tmp_path: Path) -> None:
    book = tmp_path / "book-01"
    book.mkdir()
    (book / "story.json").write_text(json.dumps(STORY))
    (book / "receipt.json").write_text(json.dumps({"claims": [CLAIM]}))
    page = write_gallery(tmp_path).read_text("utf-8")
    assert "Mira &amp; the &lt;Fox&gt;" in page
    for k in (1, 2, 3, 4):
        assert f'src="book-01/scene_{k}.png" alt="A &quot;fox&quot; {k}"' in page
        assert f"Page {k}." in page
    assert '<tr class="fail"><td>fail<td>No &lt;letters&gt;<td>2 words<td>In cover.' in page
