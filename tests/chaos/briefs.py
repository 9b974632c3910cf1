"""Briefs of all kinds: mostly words alone, since pictures take most of a small machine's time."""

import random
from typing import Any

NAMES = ("Mira", "Tomas", "Aiko", "Noor", "Ben", "Lucia", "Kofi", "Ines")
PREMISES = ("a fox who has lost her lantern", "a kite that will not come down", "the last bus to the sea", None)
WEIGHTS: dict[tuple[str, ...], int] = {
    (): 60,
    ("content", "cover"): 13,
    ("content", "audio"): 14,
    ("content", "activities"): 10,
    ("content", "cover", "scene_1", "scene_2", "scene_3", "scene_4", "audio", "activities", "pdf"): 3,
}
"""Which assets are asked for, and how often in a hundred; none named is the short form for the text alone."""
PRIORITIES = ("normal", "normal", "normal", "high", "urgent")


def draw_brief(rng: random.Random, number: int) -> dict[str, Any]:
    """A create body. No two of a run are the same story: the studio draws from the brief's seed."""
    (assets,) = rng.choices(tuple(WEIGHTS), tuple(WEIGHTS.values()))
    brief: dict[str, Any] = {
        "storyType": rng.choice(("adventure", "bedtime")),
        "characterName": rng.choice(NAMES),
        "age": rng.randint(3, 9),
        "priority": rng.choice(PRIORITIES),
        "seed": rng.randrange(1 << 20) * 1000 + number,
    }
    if premise := rng.choice(PREMISES):
        brief["premise"] = premise
    return brief | ({"assets": list(assets)} if assets else {"generateAssets": False})


def rewritten(number: int, scene: int, time: int) -> str:
    """A scene's text as a client writes it anew: safe, short, and unlike any other."""
    return (
        f"This is page {scene} of story {number}, written again for the {_ORDINALS[time % len(_ORDINALS)]} time.\n\n"
        "The fox sat by the river. She saw the moon in the water. Then she smiled and went home to bed."
    )


_ORDINALS = ("first", "second", "third", "fourth", "fifth")
