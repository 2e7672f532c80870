"""Value classes behave as frozen dataclasses do."""

from dataclasses import FrozenInstanceError, asdict, dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_bridge.values import changed, value


@value()
class Sms:
    """A value with everything that one may have."""

    number: str = field(repr=False)
    segments: int = 1
    options: dict[str, str] = field(default_factory=dict)


@value(kw_only=True)
class Named:
    """A value whose arguments have to be named."""

    number: str
    segments: int = 1


@dataclass(frozen=True)
class Model:
    """The same as :class:`Sms`, as the standard library makes it."""

    number: str = field(repr=False)
    segments: int = 1
    options: dict[str, str] = field(default_factory=dict)


arguments = st.tuples(
    st.lists(st.text(max_size=3), max_size=4),
    st.dictionaries(
        st.sampled_from(("number", "segments", "options", "unknown")), st.integers(), max_size=3
    ),
)


def outcome_of(kind: type[Any], positional: list[Any], named: dict[str, Any]) -> Any:
    """Return what is made, or the kind of failure."""
    try:
        return asdict(kind(*positional, **named))
    except TypeError:
        return TypeError


@given(arguments)
def test_it_takes_the_arguments_that_a_dataclass_takes(
    given_arguments: tuple[list[Any], dict[str, Any]],
) -> None:
    positional, named = given_arguments

    assert outcome_of(Sms, positional, named) == outcome_of(Model, positional, named)


@given(st.text(), st.integers(), st.text(), st.integers())
def test_it_is_equal_to_what_holds_the_same(a: str, m: int, b: str, n: int) -> None:
    same = (a, m) == (b, n)

    assert (Sms(a, m) == Sms(b, n)) is same
    other: object = Named(number=a, segments=m)
    assert other != Sms(a, m)
    if same:
        assert hash(Named(number=a, segments=m)) == hash(Named(number=b, segments=n))


def test_what_is_hidden_does_not_show() -> None:
    assert repr(Sms("+6591234567", 2)) == "Sms(segments=2, options={})"


def test_two_values_share_no_default() -> None:
    assert Sms("1").options is not Sms("2").options


def test_it_cannot_be_changed() -> None:
    sms: Any = Sms("1")

    with pytest.raises(FrozenInstanceError, match="cannot change segments"):
        sms.segments = 2
    with pytest.raises(FrozenInstanceError):
        del sms.segments


def test_arguments_that_have_to_be_named_are_refused_without_their_names() -> None:
    named: Any = Named
    with pytest.raises(TypeError):
        named("1")


def test_a_changed_copy_is_what_replace_makes() -> None:
    sms = Sms("1", 2, {"a": "b"})

    assert changed(sms, segments=3) == replace(sms, segments=3) == Sms("1", 3, {"a": "b"})
    assert sms.segments == 2
    with pytest.raises(TypeError, match="unknown"):
        changed(sms, unknown=1)
