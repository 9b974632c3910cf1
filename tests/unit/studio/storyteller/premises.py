"""Premises as families type them, with words that their stories must have or must not have, and how many do.

The words are looked for by patterns of these tests alone; the storyteller's own account is held against them.
"""

import re
from dataclasses import dataclass

from studio.storyteller.answers import answer_prompt
from tests.unit.studio.storyteller.briefs import brief, story_of

# What is looked for in the four texts; what begins with ! must be nowhere in them.
KNOWN: dict[str, tuple[str, ...]] = {
    "no dragons": ("!dragon",),
    "lost her tooth": ("tooth", "lost|came out"),
    "new baby brother": ("baby brother",),
    "afraid of the dark": ("(afraid|scared) of the dark",),
    "moving house": ("mov(e|ed|ing)", "house"),
    "first day of school": ("first day of school",),
    "the cat died": (r"\bcat\b", "died|dead"),
    "hates vegetables": ("vegetables", "not like|hated"),
    "learns to swim": ("sw[aiu]m",),
    "grandma is in hospital": ("grandma", "hospital"),
    "wants to fly a kite": ("want|wish|long", r"fl(y|ew|ying) a \w*\s?kite"),
    "a train that is late": ("train", "late"),
    "two foxes who share one scarf": ("fox", "shar", "scarf"),
    "builds a raft with her dad": ("buil", "raft", r"\bdad"),
    "the moon is hungry": ("moon", "hungry"),
    "Mira goes to the beach, without magic": ("beach|shore|sea|bay", "!magic"),
    "a whale who sings too loud": ("whale", "s[aiu]ng too loud"),
    "Mira misses her grandmother, who has moved to Spain": ("miss", "grandmother", "moved", "spain"),
    "Mira's first sleepover at her cousin's house": ("first sleepover", "cousin"),
    "Mira has broken her arm": ("bro?ken?", r"\barm\b"),
}
HELD_OUT: dict[str, tuple[str, ...]] = {
    "her best friend moved away": ("best friend", "moved"),
    "scared of thunder and lightning": ("afraid|scared", "thunder", "lightning"),
    "Mira can't find her teddy bear": ("teddy bear", "lost|find|found|gone|missing"),
    "a dinosaur who wants to dance": ("dinosaur", "danc"),
    "mum and dad don't live together any more": ("mum|mama", "dad|papa", "two homes|not live|apart"),
    "new glasses": ("new glasses",),
    "getting a puppy for her birthday": ("puppy|dog", "birthday"),
    "a visit to the dentist": ("dentist",),
    "bakes a cake with grandpa, no monsters please": ("bak(e|ed|ing)", "cake", "grandpa", "!monster"),
    "a snail who wins a race": ("snail", "w[io]n(ning)?", "race"),
    "Mira wants to be an astronaut": ("want|wish|long", "astronaut"),
    "the day the rain would not stop": (r"\brain", "stop"),
    "does not want to go to bed": ("not want|want(ed)? no", r"\bbed\b"),
    "rides a bike without training wheels": (r"r(i|o)d(e|ing) .*bike", "training wheels"),
    "sharing toys with her little sister": ("shar", "toys", "little sister"),
    "a robot and a bird become friends": ("robot", r"\bbird", "friends"),
    "Mira is shy at the playground": ("shy", "playground"),
    "grandpa forgets things": ("grandpa", "forg[eo]t"),
    "a snowman who is afraid to melt": ("snowman", "afraid|scared", "melt"),
    "plants a seed and waits for it to grow": ("plant", "seed", "wait", "gr[eo]w"),
}

FRESH: dict[str, tuple[str, ...]] = {
    "worried about starting nursery": ("afraid|scared|worried", "nursery"),
    "our old dog is very ill": (r"\bdog", r"\bill\b|sick|poorly"),
    "Mira lost the race on sports day": ("lost", "race"),
    "a camel who wants to see the sea": ("camel", "(see|saw|seeing) the sea"),
    "eats only pasta": ("(eat|ate|eating) only pasta|only ate pasta",),
    "daddy is away on a ship": ("daddy", r"\baway|\bship"),
    "Mira gets a new bike": ("new bike",),
    "refuses to brush her teeth": ("brush", "teeth"),
    "a giraffe who cannot reach the leaves": ("giraffe", "reach"),
    "camping in the garden with her cousins": ("camp", "garden", "cousins"),
    "no witches, no ghosts": ("!witch", "!ghost"),
    "a cloud that is afraid of heights": ("cloud", "afraid|scared", "heights"),
    "Mira dreams of being a firefighter": ("firefighter",),
    "the lighthouse keeper lost his voice": ("lighthouse keeper", "voice", "lost|gone"),
    "saying goodbye to her dummy": ("dummy", "goodbye"),
    "Mira and her brother build a snowman": ("brother", "buil", "snowman"),
    "speaks with a stutter": ("stutter",),
    "learns to tie her shoes": (r"t(ie|ied|ying) \w+ shoes",),
    "a hedgehog finds a friend": ("hedgehog", "f(ou|i)nd", "friend"),
    "the bakery has run out of bread": ("bakery", "bread"),
}
"""Written when the rules stood, and told once."""


@dataclass(frozen=True)
class Outcome:
    """One story: what patterns its texts lack, what the storyteller says it lacks, and the texts."""

    premise: str
    lacking: tuple[str, ...]
    said_missing: tuple[str, ...]
    texts: tuple[str, ...]

    @property
    def honoured(self) -> bool:
        """All that was asked for is there, by an independent look."""
        return not self.lacking

    @property
    def claimed(self) -> bool:
        """The storyteller says that all of it is there."""
        return not self.said_missing


def tell(premise: str, wanted: tuple[str, ...], seed: int, age: int = 6, story_type: str = "adventure") -> Outcome:
    """Tells a whole story and looks at it twice."""
    story = story_of(brief(story_type, age=age, premise=premise), seed)
    blocks = {"brief": story.brief, "outline": story.outline, "texts": story.texts}
    check = answer_prompt("story_check", blocks, seed=1)
    whole = " ".join(story.texts).lower().replace("n't", " not").replace("can not", "cannot")
    lacking = tuple(
        one for one in wanted if (re.search(rf"\b(?:{one.removeprefix('!')})", whole) is None) != one.startswith("!")
    )
    parts = story.outline["premise"]
    missed = tuple(parts[one["part"] - 1]["asks"] if one["part"] else "?" for one in check["premise_missing"])
    return Outcome(premise, lacking, missed, tuple(story.texts))
