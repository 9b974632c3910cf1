"""What OpenAI and ElevenLabs ask, in US dollars: good for showing what a story cost, not for bookkeeping.

Source: OpenAI's list, openai.com/api/pricing, 2026. A model that is not listed costs what its main relative costs.
"""

from collections.abc import Mapping

_MILLION = 1_000_000

USD_PER_CHARACTER = 0.0003
"""ElevenLabs' list price beyond a plan's allowance: $0.30 a thousand characters."""

# Per million tokens: input, cached input, output.
_TEXT: Mapping[str, tuple[float, float, float]] = {
    "gpt-4.1-nano": (0.10, 0.025, 0.40),
    "gpt-4.1-mini": (0.40, 0.10, 1.60),
    "gpt-4.1": (2.00, 0.50, 8.00),
    "gpt-4o-mini": (0.15, 0.075, 0.60),
    "gpt-4o": (2.50, 1.25, 10.00),
    "gpt-5-nano": (0.05, 0.005, 0.40),
    "gpt-5-mini": (0.25, 0.025, 2.00),
    "gpt-5": (1.25, 0.125, 10.00),
}
# Per million tokens: text input, picture input, picture output.
_PICTURES: Mapping[str, tuple[float, float, float]] = {
    "gpt-image-1-mini": (2.00, 2.50, 8.00),
    "gpt-image-1.5": (5.00, 8.00, 32.00),
    "gpt-image-1": (5.00, 10.00, 40.00),
}


def price_text(model: str, tokens_in: int, tokens_cached: int, tokens_out: int) -> float:
    """The cost of an answer in words; cached tokens are part of those that went in."""
    fresh, cached, out = _TEXT[_relative(model, _TEXT, "gpt-5")]
    return (max(tokens_in - tokens_cached, 0) * fresh + tokens_cached * cached + tokens_out * out) / _MILLION


def price_picture(model: str, tokens_text: int, tokens_picture: int, tokens_out: int) -> float:
    """The cost of a picture: words and pictures that went in, the picture that came out."""
    text, picture, out = _PICTURES[_relative(model, _PICTURES, "gpt-image-1.5")]
    return (tokens_text * text + tokens_picture * picture + tokens_out * out) / _MILLION


def _relative(model: str, prices: Mapping[str, tuple[float, float, float]], main: str) -> str:
    return max((name for name in prices if model.startswith(name)), key=len, default=main)
