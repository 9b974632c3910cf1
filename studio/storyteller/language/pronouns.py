"""Which words stand for a person. Past tense needs agreement for "was" alone, so that is all we keep."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Pronouns:
    """she, her, her, herself; `plural` when the verb is plural ("they were")."""

    subject: str
    object: str
    possessive: str
    reflexive: str
    plural: bool = False


SHE = Pronouns("she", "her", "her", "herself")
HE = Pronouns("he", "him", "his", "himself")
THEY = Pronouns("they", "them", "their", "themself", plural=True)
TOGETHER = Pronouns("they", "them", "their", "themselves", plural=True)
IT = Pronouns("it", "it", "its", "itself")

_KNOWN = {"she": SHE, "he": HE, "they": THEY, "it": IT}
# The possessive forms that the usual two-word notation leaves out.
_POSSESSIVES = {"xe": "xyr", "ze": "zir", "ey": "eir", "fae": "faer", "ve": "vis", "e": "eir"}


def read_pronouns(written: str) -> Pronouns:
    """From "she/her", "xe/xem/xyr" …; an unknown set is used in the forms given, an empty one is they."""
    forms = [form for form in (part.strip().lower() for part in written.split("/")) if form.isalpha()]
    if not forms:
        return THEY
    if forms[0] in _KNOWN:
        return _KNOWN[forms[0]]
    subject = forms[0]
    thing = forms[1] if len(forms) > 1 else subject
    possessive = forms[2] if len(forms) > 2 else _POSSESSIVES.get(subject, thing)
    return Pronouns(subject, thing, possessive, f"{thing}self")
