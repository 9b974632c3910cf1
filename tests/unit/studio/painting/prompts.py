"""Picture prompts for these tests, built from their labelled lines."""

PORTRAIT = """Hero: a human child with the proportions of a five-year-old: large head, short limbs
Style: soft watercolour picture book illustration
Skin: #8d5524
Hair: curly black
Eyes: brown
Clothing: yellow dress
Features: round blue glasses
Must show: a manual wheelchair with large push-rim wheels and a seat the hero sits in
Framing: full-body portrait on a plain background
"""


def hero(kind: str = "a human child", *, must_show: str = "", order: str = "") -> str:
    """The lines of one hero; `order` is "Second" or "Third" for a sibling."""
    label = f"{order} hero" if order else "Hero"
    lines = [
        f"{label}: {kind}",
        "Skin: #c08552",
        "Hair: short brown",
        "Eyes: green",
        "Clothing: red t-shirt and blue trousers",
    ]
    return "\n".join([*lines, *([f"Must show: {must_show}"] if must_show else [])])


def scene(heroes: str = "", **lines: str) -> str:
    """A scene's prompt; lines are given by label in lower case and replace the usual ones."""
    usual = {
        "scene": "the hero finds something", "setting": "a kitchen", "time": "day", "weather": "clear",
        "action": "waving", "emotion": "happy", "camera": "medium",
    }  # fmt: skip
    told = [f"{label.capitalize()}: {words}" for label, words in {**usual, **lines}.items()]
    return "\n".join([heroes or hero(), *told])
