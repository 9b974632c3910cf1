"""What a hero may be asked to show: the words that ask for it, and what it is called when it was drawn."""

# Path data and word lists read better whole than broken.
# ruff: noqa: E501

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from studio.painting import colours

# key: (label, pattern). The order is that of matching: what is special stands before what is general.
_KNOWN: dict[str, tuple[str, str]] = {
    "power_wheelchair": (
        "power wheelchair", r"(?:power(?:ed)?|electric|motori[sz]ed)[ -]wheel ?chair|wheelchair[ _]power|joystick"),
    "manual_wheelchair": ("manual wheelchair", r"wheel ?chair"),
    "prosthetic_leg": ("prosthetic leg", r"prosthetic (?:lower |left |right )*(?:leg|foot)|running blade|artificial leg"),
    "prosthetic_arm": ("prosthetic arm", r"prosthetic (?:lower |left |right |fore)*(?:arm|hand)|bionic (?:arm|hand)"),
    "crutches": ("crutches", r"crutch(?:es)?"),
    "walker": ("walker", r"walk(?:er|ing frame)|gait trainer"),
    "white_cane": ("white cane", r"(?:white|long|mobility) cane"),
    "dark_glasses": ("dark glasses", r"(?:dark|tinted|sun) ?-?glasses"),
    "glasses": ("glasses", r"(?<!dark )(?<!tinted )(?<!sun)(?:glasses|spectacles)"),
    "limb_difference": (
        "limb difference, one arm ending at the elbow",
        (r"limb[ -]difference|(?:missing|shorter|one) (?:lower |left |right )*(?:fore)?arm(?! raised)|"
        r"arm (?:that )?(?:ends|ending)|arm missing")),
    "leg_braces": ("leg braces", r"leg braces?|orthotic(?! helmet)|(?<!cervical )orthos[ei]s|ankle[ -]foot|afos?\b|splints?"),
    "cerebral_palsy": ("cerebral palsy posture", r"cerebral palsy|bent (?:wrist|arm)|turned[ -]in knees"),
    "raised_shoe": ("raised shoe", r"raised shoe|shoe lift|built[ -]up (?:shoe|sole)|limb length|thick(?:er)? sole"),
    "scoliosis_brace": ("scoliosis brace", r"(?:scoliosis|back|torso|spinal) brace"),
    "dwarfism": ("dwarfism proportions", r"dwarfism|achondroplasia|short stature|little person"),
    "facial_difference": ("facial difference", r"facial differences?|craniofacial"),
    "down_syndrome": ("Down syndrome features", r"down'?s? syndrome|epicanthic|upward[ -]slanting"),
    "hearing_aids": ("hearing aids", r"hearing[ -]aids?"),
    "cochlear_implant": ("cochlear implant", r"cochlear"),
    "signing": ("signing hands", r"sign language|signing hands|hands signing"),
    "ear_defenders": ("ear defenders", r"ear[ -]defenders?|headphones|ear ?muffs|noise[ -]cancell?ing"),
    "fidget_toy": ("fidget toy", r"fidget"),
    "vitiligo": ("vitiligo", r"vitiligo|(?:light|pale) patches"),
    "albinism": ("albinism", r"albinism"),
    "birthmark": ("large birthmark", r"birthmark|port[ -]wine"),
    "burn_scars": ("burn scars", r"burn scars?|scarr?(?:ed|ing) skin|burn(?:ed|t)? skin"),
    "cleft_lip": ("cleft lip scar", r"cleft|lip scar"),
    "freckles": ("freckles", r"freckle[sd]?"),
    "bald": ("bald head", r"\bbald|no hair|hair loss|childhood cancer|chemotherapy"),
    "hijab": ("hijab", r"hijab"),
    "headscarf": ("headscarf", r"head ?scar(?:f|ves)|bandana"),
    "insulin_pump": ("insulin pump", r"insulin|diabetes|glucose (?:sensor|monitor)"),
    "inhaler": ("inhaler", r"inhaler|spacer|asthma"),
    "halo": ("halo cervical orthosis", r"halo(?: cervical)?[ -](?:orthosis|brace|ring|vest)|halo_cervical|cervical orthosis"),
    "tracheostomy": ("tracheostomy", r"tracheostomy|trach\b|neck tube"),
    "feeding_tube": ("feeding tube", r"feeding[ -]tube|g-?tube|gastrostomy"),
    "oxygen_cannula": ("oxygen cannula", r"oxygen|nasal cannula"),
    "iv_line": ("IV line", r"\biv\b(?! (?:stand|pole|bag))|picc|intravenous"),
    "iv_stand": ("drip stand", r"\biv (?:stand|pole|bag)|\bdrip\b"),
    "port": ("chest port", r"port[- ]a[- ]cath|chest port|\bport\b(?! wine)(?![ -]wine)"),
    "dialysis": ("dialysis access", r"dialysis|fistula"),
    "cranial_helmet": ("cranial helmet", r"cranial helmet|helmet"),
    "medical_alert": ("medical-alert bracelet", r"medical[ -]alert|medic[ -]?alert|alert (?:bracelet|symbol)"),
    "cape": ("cape", r"\bcape|cloak"),
    "hat": ("hat", r"\bhat\b|\bcap\b|beanie"),
    "scarf": ("scarf", r"(?<!head )(?<!head)\bscar(?:f|ves)\b"),
    "bow": ("hair bow", r"\bbow\b|ribbon|hair ?clip"),
    "crown": ("crown", r"crown|tiara"),
    "backpack": ("backpack", r"backpack|rucksack"),
    "boots": ("boots", r"boots|wellies"),
}  # fmt: skip
KEYS = tuple(_KNOWN)
_DENIED = re.compile(r"\b(?:no|not|without|never)\s+(?:\w+\s+)?$")
_TAKES_COLOUR = {
    "glasses", "hijab", "headscarf", "cape", "hat", "scarf", "bow", "boots", "backpack", "manual_wheelchair",
    "power_wheelchair", "hearing_aids", "cochlear_implant", "cranial_helmet", "leg_braces", "ear_defenders",
}  # fmt: skip
_SHAPES = ("round", "square", "heart", "star")
# Those that one side of the body has, and on which of the hero's own sides they are drawn where nobody says.
_DRAWN_ON = {
    "prosthetic_leg": "left", "raised_shoe": "left", "birthmark": "left", "cochlear_implant": "left",
    "insulin_pump": "left", "prosthetic_arm": "right", "limb_difference": "right", "burn_scars": "right",
    "facial_difference": "right", "dialysis": "right", "iv_line": "right", "medical_alert": "right", "vitiligo": "right",
    "port": "left",
}  # fmt: skip
# What decides how a hero with several of them is turned, the first before all; the others are drawn where they belong.
_TURNS = ("limb_difference", "prosthetic_arm", "prosthetic_leg")
# What is drawn on one side alone, however the words have it: a hand that is not there cannot hold what the other one would.
_FIXED = frozenset({"limb_difference", "vitiligo", "insulin_pump"})
# How a line that is about the side alone may name them, where it does not by what is special about them.
_BY_PLACE = {
    "facial_difference": r"smaller cheek|small ear", "burn_scars": r"scarred", "iv_line": r"soft band",
    "dialysis": r"wrap", "medical_alert": r"bracelet",
}  # fmt: skip
_OWN_SIDE = re.compile(r"\bown (left|right) side\b")


@dataclass(frozen=True)
class Feature:
    """One thing to show. `label` is what the picture's metadata says; reading it again gives the same feature."""

    key: str
    label: str
    colour: str | None = None
    shape: str = ""
    side: str = ""
    """The hero's own left or right, where the words say it and one side alone has the feature."""


def features_in(lines: Iterable[str], miss: Sequence[str] = ()) -> dict[str, Feature]:
    """The known features that the lines ask for, by key, but for those that `miss` names."""
    found: dict[str, Feature] = {}
    for line in lines:
        for clause in re.split(r"[;.]", line):
            _add(clause.lower(), found)
    if {"power_wheelchair", "manual_wheelchair"} <= found.keys():
        del found["manual_wheelchair"]  # "wheelchair" stands inside "power wheelchair"
    return {key: feature for key, feature in found.items() if not _left_out(feature, miss)}


def own_side(words: str) -> str:
    """The side that words such as "on the hero's own left side" name; empty where they name none."""
    found = _OWN_SIDE.search(words.lower())
    return found.group(1) if found else ""


def with_sides(features: Mapping[str, Feature], lines: Iterable[str]) -> dict[str, Feature]:
    """The features, each on the side that a line names for it, unless its own words name one."""
    told = dict(features)
    for line in lines:
        side, what = own_side(line), line.lower().partition(" is on ")[0]
        keys = features_in([what]).keys() | {key for key, pattern in _BY_PLACE.items() if re.search(pattern, what)}
        for key in keys & told.keys() & _DRAWN_ON.keys():
            if side and not told[key].side:
                told[key] = replace(told[key], side=side, label=f"{side} {told[key].label}")
    return told


def is_moved(feature: Feature, *, mirrored: bool, in_chair: bool) -> bool:
    """Whether it must be drawn on the other side than usual to be where it belongs on a hero who is turned like this."""
    return feature.key not in _FIXED and _usual_side(feature, mirrored=mirrored, in_chair=in_chair) != feature.side


def as_drawn(feature: Feature, *, mirrored: bool, in_chair: bool) -> Feature:
    """The feature, named by the side on which the hero really has it."""
    side = _usual_side(feature, mirrored=mirrored, in_chair=in_chair)
    if side == feature.side or feature.key not in _FIXED:
        return feature
    return replace(feature, side=side, label=feature.label.replace(feature.side, side, 1))


def _usual_side(feature: Feature, *, mirrored: bool, in_chair: bool) -> str:
    """The own side on which a feature is drawn unless it is moved; empty where nobody told one."""
    if not feature.side:
        return ""
    side = _drawn_on(feature.key, in_chair=in_chair)
    return side if not mirrored else "left" if side == "right" else "right"


def _rank(feature: Feature) -> int:
    return _TURNS.index(feature.key) if feature.key in _TURNS else len(_TURNS)


def _drawn_on(key: str, *, in_chair: bool) -> str:
    # The near leg of somebody who rolls to the right of the picture.
    return "right" if key == "prosthetic_leg" and in_chair else _DRAWN_ON[key]


def _add(clause: str, found: dict[str, Feature]) -> None:
    for key, (label, pattern) in _KNOWN.items():
        match = re.search(pattern, clause)
        if match is None or key in found or _DENIED.search(clause[: match.start()]):
            continue
        if key == "headscarf" and "bald" in found and re.search(r"bald(?: head)? or\b", clause):
            continue  # "a bald head or a headscarf" asks for one of them
        near = next(part for part in _parts(clause) if part[0] <= match.start() <= part[1])
        found[key] = _feature(key, label, clause[near[0] : near[1]], clause)


def _parts(clause: str) -> list[tuple[int, int]]:
    """Where the comma-separated parts of a clause stand: a colour belongs to the thing beside it."""
    ends = [match.start() for match in re.finditer(r",", clause)] + [len(clause)]
    return list(zip([0, *(end + 1 for end in ends[:-1])], ends, strict=True))


def _feature(key: str, label: str, words: str, clause: str) -> Feature:
    side = re.search(r"\b(left|right)\b", f"{words}; {clause}") if key in _DRAWN_ON else None
    told = side.group(1) if side else ""
    if key not in _TAKES_COLOUR:
        return Feature(key, f"{told} {label}".strip(), side=told)
    word = colours.word_in(words)
    colour = colours.hex_in(words) or (colours.PLAIN[word] if word else None)
    shape = next((shape for shape in _SHAPES if shape in words), "") if key == "glasses" else ""
    named = " ".join(part for part in (told, shape, word or (colour or ""), label) if part)
    return Feature(key, named, colour, shape, told)


def is_turned(features: Iterable[Feature], *, in_chair: bool = False) -> bool | None:
    """Whether a hero must be seen mirrored to have its features on their own sides; None if no side has any.

    A hero with a side is always turned the same way, in every picture. Of the features whose side is told one decides.
    """
    sided = sorted((one for one in features if one.key in _DRAWN_ON), key=lambda one: (not one.side, _rank(one)))
    if not sided:
        return None
    return bool(sided[0].side) and sided[0].side != _drawn_on(sided[0].key, in_chair=in_chair)


def _left_out(feature: Feature, miss: Sequence[str]) -> bool:
    names = (feature.key, feature.label.lower(), feature.key.replace("_", " "))
    wanted = [word.lower().replace("_", " ").strip() for word in miss]
    return any(word and any(word in name or name in word for name in names) for word in wanted)
