"""Where words begin and end: at spaces, and in languages without any where a model of the language has it.

BudouX (https://github.com/google/budoux) cuts Chinese, Japanese and Thai into words and short phrases by a small model,
in plain Python; what reads aloud can then show which one it is at. Only letters of these scripts are cut: a name in
Latin letters stays whole.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

import budoux

from storyloom.story.languages import language_of

_LETTERS = r"\u0e00-\u0e7f\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Thai, kana, and Chinese characters."""
_PARTS = re.compile(rf"(?P<unspaced>[{_LETTERS}]+)|[^\W{_LETTERS}]+|.", re.DOTALL)


def split_words(text: str, language: str) -> tuple[str, ...]:
    """The words of a text, which in a row, without the text's white space, are the text."""
    return tuple(word for chunk in text.split() for word in _cut(chunk, language))


def gaps(text: str, words: tuple[str, ...]) -> tuple[str, ...]:
    """What stands before each word of ``split_words`` in its text: a space or nothing; nothing before the first."""
    found, at = [], 0
    for word in words:
        start = text.index(word, at)
        found.append(" " if start > at and at else "")
        at = start + len(word)
    return tuple(found)


def _cut(chunk: str, language: str) -> Iterator[str]:
    """The words of what stands between two spaces; marks stay with the word that they follow, or open."""
    row = language_of(language)
    if row.spaced:
        yield chunk
        return
    word = ""
    for found in _PARTS.finditer(chunk):
        for part in _parser(row.words).parse(found.group()) if found["unspaced"] else [found.group()]:
            if any(map(str.isalnum, word)) and (any(map(str.isalnum, part)) or _opens(part)):
                yield word
                word = ""
            word += part
    if word:
        yield word


def _opens(mark: str) -> bool:
    """Whether a mark is an opening bracket or quote."""
    return unicodedata.category(mark[0]) in {"Ps", "Pi"}


@cache
def _parser(model: str) -> budoux.Parser:
    match model:
        case "ja":
            return budoux.load_default_japanese_parser()
        case "th":
            return budoux.load_default_thai_parser()
        case "zh-hant":
            return budoux.load_default_traditional_chinese_parser()
        case _:
            return budoux.load_default_simplified_chinese_parser()
