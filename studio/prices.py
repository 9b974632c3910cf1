"""What the vendors ask, in US dollars: close enough to show what a story would cost.

Sources: openai.com/api/pricing and elevenlabs.io/pricing/api as of August 2026, rounded; a model that is
not listed costs what its family's main model costs.
"""

from __future__ import annotations

# Per million tokens: input, output.
_TEXT: dict[str, tuple[float, float]] = {
    "gpt-4.1-nano": (0.10, 0.40),
    "gpt-4.1-mini": (0.40, 1.60),
    "gpt-4.1": (2.00, 8.00),
    "gpt-4o-mini": (0.15, 0.60),
    "gpt-4o": (2.50, 10.00),
    "gpt-5-nano": (0.05, 0.40),
    "gpt-5-mini": (0.25, 2.00),
    "gpt-5": (1.25, 10.00),
}
# Per million tokens: text input, picture input, picture output.
_PICTURES: dict[str, tuple[float, float, float]] = {
    "gpt-image-1-mini": (2.00, 2.50, 8.00),
    "gpt-image-1.5": (5.00, 8.00, 32.00),
    "gpt-image-1": (5.00, 10.00, 40.00),
}
_MILLION = 1_000_000
# Per character of text: the flash and turbo models cost half.
_CHARACTER = 0.30 / 1000


def price_text(model: str, input_tokens: int, output_tokens: int) -> float:
    """The cost of one answer in words."""
    per_input, per_output = _TEXT[_family(model, _TEXT, "gpt-5")]
    return (input_tokens * per_input + output_tokens * per_output) / _MILLION


def price_pictures(model: str, text_tokens: int, picture_tokens: int, output_tokens: int) -> float:
    """The cost of the pictures of one call."""
    text, picture, output = _PICTURES[_family(model, _PICTURES, "gpt-image-1.5")]
    return (text_tokens * text + picture_tokens * picture + output_tokens * output) / _MILLION


def price_speech(model: str, characters: int) -> float:
    """The cost of a text read aloud."""
    return characters * _CHARACTER * (0.5 if "flash" in model or "turbo" in model else 1.0)


def _family(
    model: str,
    prices: dict[str, tuple[float, ...]] | dict[str, tuple[float, float]] | dict[str, tuple[float, float, float]],
    default: str,
) -> str:
    fitting = [name for name in prices if model.startswith(name)]
    return max(fitting, key=len, default=default)
