"""Small rules of English: articles, possessives, lists, plurals, past tense, counting words and sentences."""

import re
from collections.abc import Sequence
from itertools import pairwise


def spell(words: str) -> tuple[str, ...]:
    """A list of words, written as a line of words."""
    return tuple(words.split())


_NUMBERS = spell("zero one two three four five six seven eight nine ten eleven twelve")
# Spelt with a vowel and said with a consonant, and the other way round.
_SAID_WITH_CONSONANT = ("uni", "use", "usu", "one", "eu", "ukulele")
_SAID_WITH_VOWEL = ("hour", "honest", "heir", "honour", "honor", "8", "11", "18")
_NOT_PLURAL = {"dress", "compass", "bus", "glass", "grass", "necklace", "lens", "octopus", "walrus", "class"}
_WORD = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")
_SENTENCE_END = re.compile(r"[.!?…]+[”’\"')]*(?=\s|$)")
_LOOSE_ARTICLE = re.compile(r"\b([Aa])n? (?=([A-Za-z]\w*))")
_ARTICLE = re.compile(r"^(?:an?|the|my|her|his|their|its|our|some|this|that)\s+", re.IGNORECASE)

_PAST = {
    "is": "was", "are": "were", "has": "had", "have": "had", "does": "did", "do": "did", "goes": "went",
    "go": "went", "finds": "found", "find": "found", "sees": "saw", "see": "saw", "meets": "met", "meet": "met",
    "comes": "came", "come": "came", "takes": "took", "take": "took", "gives": "gave", "give": "gave",
    "makes": "made", "make": "made", "hears": "heard", "hear": "heard", "says": "said", "say": "said",
    "tells": "told", "tell": "told", "knows": "knew", "know": "knew", "thinks": "thought", "think": "thought",
    "feels": "felt", "feel": "felt", "holds": "held", "hold": "held", "keeps": "kept", "keep": "kept",
    "leaves": "left", "loses": "lost", "lose": "lost", "runs": "ran", "run": "ran", "sits": "sat", "sit": "sat",
    "stands": "stood", "stand": "stood", "sings": "sang", "sing": "sang", "swims": "swam", "swim": "swam",
    "flies": "flew", "fly": "flew", "falls": "fell", "fall": "fell", "brings": "brought", "bring": "brought",
    "begins": "began", "begin": "began", "builds": "built", "build": "built", "catches": "caught",
    "catch": "caught", "rides": "rode", "ride": "rode", "shines": "shone", "shine": "shone", "sleeps": "slept",
    "sleep": "slept", "wakes": "woke", "wake": "woke", "gets": "got", "get": "got", "throws": "threw",
    "writes": "wrote", "draws": "drew", "grows": "grew", "blows": "blew", "shows": "showed", "lies": "lay",
    "steps": "stepped", "step": "stepped", "stops": "stopped", "hugs": "hugged", "hums": "hummed",
    "can": "could", "will": "would", "cannot": "could not", "hides": "hid", "puts": "put", "lets": "let",
    "sets": "set", "spreads": "spread", "reads": "read", "wins": "won", "leads": "led", "hangs": "hung",
    "carries": "carried",
    "carry": "carried",
    "try": "tried",
    "cry": "cried",
    "hurry": "hurried",
    "lead": "led",
    "sweep": "swept",
    "sweeps": "swept",
    "win": "won",
    "grow": "grew",
    "throw": "threw",
    "draw": "drew",
    "write": "wrote",
    "hide": "hid",
    "eat": "ate",
    "eats": "ate",
    "bends": "bent",
    "bend": "bent",
    "chooses": "chose",
    "choose": "chose",
    "speaks": "spoke",
    "speak": "spoke",
    "forgets": "forgot",
    "sends": "sent",
    "lights": "lit",
    "drops": "dropped",
    "drop": "dropped",
    "grabs": "grabbed",
    "nods": "nodded",
    "hum": "hummed",
    "spots": "spotted", "tries": "tried", "cries": "cried", "hurries": "hurried", "fears": "feared",
}  # fmt: skip
_REGULAR = set(
    spell(
        "look walk want need help follow climb cross open close call reach turn ask answer laugh smile share "
        "discover explore return wave watch wait whisper shout jump dance play push pull lift roll float glow "
        "wander travel learn remember start visit decide point gather search arrive notice realise realize "
        "love like live hope miss invite join welcome thank plant paint cook pack guide appear vanish spot trail "
        "race drift peek gaze wonder listen offer promise refuse block listen crawl race bake celebrate enter "
        "land sail trust believe show use receive touch kiss snuggle cuddle admit"
    )
)


def is_plural(noun: str) -> bool:
    """Whether a bare noun reads as plural, by its last word: "mittens" does, "compass" does not."""
    last = noun.lower().split()[-1] if noun.split() else ""
    return last.endswith("s") and not last.endswith(("ss", "us", "is")) and last not in _NOT_PLURAL


def with_article(noun: str) -> str:
    """Such as "a lantern", "an umbrella", "some mittens", "a unicorn", "an hour"."""
    if _ARTICLE.match(noun):
        return noun
    if is_plural(noun):
        return f"some {noun}"
    return f"{_article(noun)} {noun}"


def _article(noun: str) -> str:
    first = noun.lower()
    if noun[:2].isupper() and len(noun) > 1:  # letters said one by one: an MRI scan, a TV
        return "an" if noun[0] in "AEFHILMNORSX" else "a"
    vowel = first[:1] in "aeiou" and not first.startswith(_SAID_WITH_CONSONANT)
    return "an" if vowel or first.startswith(_SAID_WITH_VOWEL) else "a"


def mend_articles(text: str) -> str:
    """Turns "a oat biscuit" into "an oat biscuit" wherever a slot was filled behind an article."""
    return _LOOSE_ARTICLE.sub(lambda match: match.group(1) + _article(match.group(2))[1:] + " ", text)


def without_article(noun: str) -> str:
    """Such as "lantern" from "a lantern" or "her lantern"."""
    return _ARTICLE.sub("", noun.strip())


def possessive(name: str) -> str:
    """Such as "Mira's", "James'", "Mira and Tom's"."""
    return f"{name}'" if name.endswith(("s", "S")) else f"{name}'s"


def join_names(names: Sequence[str]) -> str:
    """Such as "Mira", "Mira and Tom", "Mira, Tom and Ana"."""
    if len(names) < 2:
        return names[0] if names else ""
    return f"{', '.join(names[:-1])} and {names[-1]}"


def number_word(number: int) -> str:
    """Words up to twelve, figures above."""
    return _NUMBERS[number] if 0 <= number < len(_NUMBERS) else str(number)


def capitalise(text: str) -> str:
    """The first letter large, even behind an opening quote; the rest as it is."""
    for index, letter in enumerate(text):
        if letter.isalpha():
            return text[:index] + letter.upper() + text[index + 1 :]
        if letter.isdigit():
            break
    return text


def count_words(text: str) -> int:
    """Words as a reader counts them: "don't" and "half-eaten" are one each."""
    return len(_WORD.findall(text))


def count_sentences(text: str) -> int:
    """Full stops, question and exclamation marks; a text without any counts as one."""
    return max(1, len(_SENTENCE_END.findall(text)))


def split_sentences(text: str) -> list[str]:
    """The sentences of a text, trimmed, with their closing quotes."""
    found, start = [], 0
    for match in _SENTENCE_END.finditer(text):
        found.append(text[start : match.end()].strip())
        start = match.end()
    rest = text[start:].strip()
    return [*found, rest] if rest else found


def past(sentence: str) -> str:
    """A present-tense sentence told as past, as far as its verbs are known; others stay as they are."""
    words = sentence.split(" ")
    told = [words[0]] if words else []
    for before, word in pairwise(words):
        core = word.rstrip(".,;:!?")
        if before.lower() in {"to", "a", "an", "the", "can", "will", "her", "his", "their"}:
            told.append(word)
        else:
            told.append(_past_verb(core) + word[len(core) :])
    return " ".join(told)


def _past_verb(word: str) -> str:
    if word in _PAST:
        return _PAST[word]
    for stem in (word, word.removesuffix("s"), word.removesuffix("es")):
        if stem in _REGULAR and (word != stem or stem not in {"like", "play", "dance", "love", "race", "land"}):
            return f"{stem}d" if stem.endswith("e") else f"{stem}ed"
    return word
