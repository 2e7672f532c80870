"""JSON is written as the standard library writes it, in less time."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_bridge.json_text import ascii_json_text, json_string, json_text

texts = st.text() | st.sampled_from(["\ud83d", '"\\/\n\t\x00\x7f', "Grüße, 你好 🎉"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=20,
)


@given(values)
def test_it_is_the_standard_librarys_without_blanks(value: Any) -> None:
    assert json_text(value) == json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    assert ascii_json_text(value) == json.dumps(value, separators=(",", ":"))


@given(texts)
def test_a_text_alone(text: str) -> None:
    assert json_string(text) == json_text(text)


@pytest.mark.parametrize("value", [{1, 2}, b"bytes", {"deep": [object()]}, {("key",): 1}])
def test_what_json_does_not_know_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        json_text(value)
