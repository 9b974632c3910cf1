"""Blocks and captions: escaped, in order, nothing lost."""

import re
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise

import webvtt
from hypothesis import given
from hypothesis import strategies as st

from services.audio.captions import LINE, LINES, write_block, write_vtt
from storyloom.story.results import Word

TXT = st.text(
    st.sampled_from("abcxyz<>&\"'-.!?”é日🦊") | st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12
).filter(lambda txt: not re.search(r"\s", txt))


@st.composite
def paragraphs(draw: st.DrawFn) -> list[list[Word]]:
    at, groups = 0, []
    for length in draw(st.lists(st.integers(1, 12), max_size=4)):
        group = []
        for _ in range(length):
            start = at + draw(st.integers(0, 3_000))
            at = start + draw(st.integers(0, 3_000))
            group.append(Word(txt=draw(TXT), start=start / 1000, end=at / 1000))
        groups.append(group)
    return groups


class Reader(HTMLParser):
    """Reads a block as a browser would: paragraphs of (text, start, end)."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.paragraphs: list[list[tuple[str, str, str]]] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "p":
            self.paragraphs.append([])
        else:
            times = dict(attrs)
            self.paragraphs[-1].append(("", times["data-start"] or "", times["data-end"] or ""))

    def handle_data(self, data: str) -> None:
        if data != " ":
            txt, start, end = self.paragraphs[-1].pop()
            self.paragraphs[-1].append((txt + data, start, end))


@given(paragraphs())
def test_a_block_reads_back_as_the_words_and_holds_no_other_markup(given_: list[list[Word]]) -> None:
    reader = Reader()
    reader.feed(write_block(given_))
    reader.close()
    wanted = [[(word.txt, f"{word.start:.3f}", f"{word.end:.3f}") for word in words] for words in given_]
    assert reader.paragraphs == wanted
    assert reader.tags <= {"p", "span"}


def test_a_block_is_written_as_agreed() -> None:
    words = [Word(txt="<b>", start=0, end=0.4121), Word(txt='"&', start=0.5, end=1)]
    assert write_block([words]) == (
        '<p><span data-start="0.000" data-end="0.412">&lt;b&gt;</span> '
        '<span data-start="0.500" data-end="1.000">&quot;&amp;</span></p>'
    )


CLOCK = r"(\d{2,}):([0-5]\d):([0-5]\d)\.(\d{3})"


def read_vtt(vtt: str) -> list[tuple[float, float, list[str]]]:
    """Read as the W3C's grammar has it; fails on anything else."""
    header, *blocks = vtt.removesuffix("\n").split("\n\n")
    assert header == "WEBVTT"
    cues = []
    for number, block in enumerate(blocks, start=1):
        name, times, *lines = block.split("\n")
        assert name == str(number)
        match = re.fullmatch(f"{CLOCK} --> {CLOCK}", times)
        assert match
        hours = [int(part) for part in match.groups()]
        start, end = (h * 3600 + m * 60 + s + ms / 1000 for h, m, s, ms in (hours[:4], hours[4:]))
        assert start < end
        assert lines
        for line in lines:
            assert "<" not in line
            assert "-->" not in line
            assert not re.search(r"&(?!amp;|lt;|gt;)", line)
        cues.append((start, end, lines))
    return cues


@given(paragraphs())
def test_captions_parse_and_hold_every_word_in_order(given_: list[list[Word]]) -> None:
    cues = read_vtt(write_vtt(given_))
    text = " ".join(line for _, _, lines in cues for line in lines)
    for sign, written in (("<", "&lt;"), (">", "&gt;"), ("&", "&amp;")):
        text = text.replace(written, sign)
    assert text.split() == [word.txt for words in given_ for word in words]
    assert all(before[0] <= after[0] for before, after in pairwise(cues))


@given(paragraphs())
def test_a_cue_is_at_most_two_readable_lines(given_: list[list[Word]]) -> None:
    for _, _, lines in read_vtt(write_vtt(given_)):
        assert len(lines) <= LINES
        assert all(len(line) <= LINE * len("&amp;") or " " not in line for line in lines)


def test_a_cue_ends_with_its_sentence_and_its_paragraph() -> None:
    texts = [["It", "rained.", "“Who", "is", "it?”", "she", "asked."], ["So", "far"]]
    words = [[Word(txt=txt, start=at, end=at + 1) for at, txt in enumerate(group)] for group in texts]
    assert [lines for _, _, lines in read_vtt(write_vtt(words))] == [
        ["It rained."],
        ["“Who is it?” she asked."],
        ["So far"],
    ]


def test_a_long_sentence_goes_on_in_the_next_cue() -> None:
    words = [Word(txt="abcdefghi", start=at, end=at + 1) for at in range(10)]
    cues = read_vtt(write_vtt([words]))
    assert [lines for _, _, lines in cues] == [
        [" ".join(["abcdefghi"] * 4), " ".join(["abcdefghi"] * 4)],
        ["abcdefghi abcdefghi"],
    ]
    assert [(start, end) for start, end, _ in cues] == [(0, 8), (8, 10)]


def test_an_hour_is_written_as_an_hour() -> None:
    [(start, end, _)] = read_vtt(write_vtt([[Word(txt="a", start=3661.5, end=3661.5)]]))
    assert (start, end) == (3661.5, 3661.501)


def test_captions_are_written_as_agreed() -> None:
    words = [Word(txt="Tom", start=0, end=0.4), Word(txt="&", start=0.5, end=0.9), Word(txt="-->", start=1, end=3661.0)]
    assert write_vtt([words]) == "WEBVTT\n\n1\n00:00:00.000 --> 01:01:01.000\nTom &amp; --&gt;\n"
    assert write_vtt([]) == "WEBVTT\n"
    assert write_vtt([[Word(txt="a\0", start=359_999.9996, end=360_000.5)]]).splitlines()[3:] == [
        "100:00:00.000 --> 100:00:00.500",
        "a\ufffd",
    ]


@given(paragraphs())
def test_captions_are_valid_to_a_strict_reader(given_: list[list[Word]]) -> None:
    read = webvtt.from_string(write_vtt(given_), strict=True).captions
    words = [unescape(txt) for cue in read for line in cue.lines for txt in line.split(" ")]
    assert words == [word.txt for words in given_ for word in words]
    assert [cue.identifier for cue in read] == [str(number) for number in range(1, len(read) + 1)]
