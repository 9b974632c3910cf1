"""Colour words of a prompt, as colours of ours."""

import re
from collections.abc import Mapping

PLAIN: Mapping[str, str] = {
    "red": "#d8433b", "scarlet": "#d23a2e", "crimson": "#b8304a", "pink": "#ee82a6", "magenta": "#c8468f",
    "orange": "#ec8a3c", "peach": "#f7b58e", "coral": "#f0765f", "yellow": "#f4c237", "gold": "#e0a92e",
    "golden": "#e3b04a", "mustard": "#d9a52c", "green": "#58a455", "lime": "#9ccb4a", "olive": "#8a8f45",
    "mint": "#9bd8bd", "emerald": "#2f9a6c", "teal": "#2f8f8c", "turquoise": "#3fb8b4", "cyan": "#5cc6dc",
    "blue": "#4079c4", "navy": "#2f4379", "indigo": "#4a4a9e", "sky": "#77bdea", "purple": "#8a5bb5",
    "violet": "#8862c6", "lilac": "#b79ad8", "lavender": "#b7a5e0", "brown": "#8a5a3a", "tan": "#c99d6c",
    "beige": "#e2cda6", "cream": "#f4e6c8", "white": "#f5f0e6", "silver": "#b9c2cd", "grey": "#8d949f",
    "gray": "#8d949f", "black": "#34303c", "rainbow": "#e0567a", "ginger": "#d9762f", "rose": "#e2799a",
    "maroon": "#8a3040", "copper": "#b8693a", "charcoal": "#454a56", "ochre": "#cf9436", "rust": "#b1552f",
}  # fmt: skip
HAIR: Mapping[str, str] = {
    "black": "#2b2226", "brown": "#5d3a26", "dark": "#3a2620", "light brown": "#94653d", "blond": "#e6bd62",
    "blonde": "#e6bd62", "golden": "#e2b04c", "red": "#b5502a", "ginger": "#cc6a2c", "auburn": "#8c3f26",
    "white": "#efe9df", "grey": "#a6a4a8", "gray": "#a6a4a8", "silver": "#c3c6cd", "strawberry": "#d68a55",
    "chestnut": "#74422a", "sandy": "#cfa366", "copper": "#b8602f",
}  # fmt: skip
SKIN: Mapping[str, str] = {
    "porcelain": "#fbe3d3", "pale": "#fbdfcc", "fair": "#f8d6bd", "light": "#f5cba7", "peach": "#f6c7a4",
    "beige": "#e8b98f", "olive": "#cf9f6e", "tan": "#c98f5e", "golden": "#d39b62", "medium": "#c08552",
    "caramel": "#b5763f", "warm brown": "#9c6237", "brown": "#8d5a34", "dark brown": "#5f3a24",
    "dark": "#5c3825", "deep": "#4f3020", "ebony": "#452a1e", "black": "#4a2d20", "bronze": "#a4673a",
}  # fmt: skip
EYES: Mapping[str, str] = {
    "brown": "#6b4226", "dark": "#3b2620", "black": "#2b2024", "blue": "#3f7fc0", "green": "#4d9158",
    "hazel": "#8a7038", "amber": "#c98a2c", "grey": "#7b8a99", "gray": "#7b8a99", "golden": "#d3a02e",
    "violet": "#7b5cb0", "red": "#c05050", "pink": "#d7839a",
}  # fmt: skip
_HEX = re.compile(r"#([0-9a-f]{6}|[0-9a-f]{3})\b", re.IGNORECASE)


def hex_in(text: str) -> str | None:
    """The first #rrggbb or #rgb in the text, as #rrggbb in lower case."""
    found = _HEX.search(text)
    if found is None:
        return None
    digits = found.group(1).lower()
    return "#" + (digits if len(digits) == 6 else "".join(digit * 2 for digit in digits))


def word_in(text: str, table: Mapping[str, str] = PLAIN) -> str | None:
    """The colour word that stands first in the text; of two at one place the longer."""
    low = text.lower()
    places = [(found.start(), -len(word), word) for word in table if (found := re.search(rf"\b{word}\b", low))]
    return min(places)[2] if places else None


def colour_in(text: str, table: Mapping[str, str] = PLAIN, default: str = "#8a5bb5") -> str:
    """A hex value or a colour word of the text; the table's words first, any plain colour second."""
    exact = hex_in(text)
    if exact is not None:
        return exact
    for words in (table, PLAIN):
        word = word_in(text, words)
        if word is not None:
            return words[word]
    return default
