"""Fingerprints: one text for one value."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from storyloom.story.fingerprint import canonical, fingerprint

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_a_value_has_one_text_however_it_was_built() -> None:
    assert canonical({"b": [1, "é"], "a": None}) == canonical({"a": None, "b": [1, "é"]})
    assert canonical({"b": [1, "é"], "a": None}) == '{"a":null,"b":[1,"é"]}'.encode()


def test_a_fingerprint_is_64_hex_digits_and_the_same_tomorrow() -> None:
    """SHA-256 of ``["a",{"k":1}]``, worked out by another program (sha256sum)."""
    assert fingerprint("a", {"k": 1}) == "66a1acf192fd427d70cb0f7da26d6bf498dfa475a3686fac1405c9db429f1a1a"


@given(JSON, JSON)
def test_different_values_have_different_fingerprints(one: Any, two: Any) -> None:
    assert (fingerprint(one) == fingerprint(two)) == (canonical(one) == canonical(two))


def test_order_and_borders_of_the_parts_matter() -> None:
    assert len({fingerprint("ab", "c"), fingerprint("a", "bc"), fingerprint("c", "ab"), fingerprint("abc")}) == 4
