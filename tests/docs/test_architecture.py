"""docs/architecture.md draws and lists what the code and the template have."""

import ast
import re
from collections.abc import Iterator
from itertools import chain, product
from typing import Any

import pytest

from sms_bridge.domain.message import FINAL, MAY_REPLACE, State
from sms_bridge.domain.reconciliation import Finding
from sms_bridge.services.forward import CIRCUIT
from sms_bridge.storage.table import INDEXES
from tests.docs.markdown import rows_of, words_in
from tests.template.conftest import PROJECT, Template

DOCUMENT = "docs/architecture.md"
TEXT = (PROJECT / DOCUMENT).read_text("utf-8")


def the_drawing() -> tuple[dict[str, set[str]], list[tuple[str, str]]]:
    """Return the frames with the states in them, and the arrows."""
    drawing = TEXT.split("stateDiagram-v2\n", 1)[1].split("```", 1)[0]
    frames: dict[str, set[str]] = {}
    arrows = []
    frame = None
    for line in drawing.splitlines():
        if opened := re.search(r"as (\w+) \{$", line):
            frame = opened[1]
            frames[frame] = set()
        elif line.strip() == "}":
            frame = None
        elif arrow := re.fullmatch(r"\s*(\S+) --> (\S+)", line):
            arrows.append((arrow[1], arrow[2]))
            if frame:
                frames[frame] |= set(arrow.groups())
    return frames, arrows


def test_the_life_cycle_is_drawn_as_it_is() -> None:
    frames, arrows = the_drawing()
    drawn = {
        pair
        for before, after in arrows
        if "[*]" not in (before, after)
        for pair in product(frames.get(before, {before}), frames.get(after, {after}))
    }

    allowed = {
        (before.value, after.value) for after, those in MAY_REPLACE.items() for before in those
    }

    assert drawn == allowed
    assert {before for before, after in arrows if after == "[*]"} == set(FINAL)
    assert {name for pair in drawn for name in pair} == set(State)


def test_every_room_of_the_layer_is_listed() -> None:
    named = [words_in(row[0]) for row in rows_of(DOCUMENT, "| room | holds |")]
    rooms = {
        f"{one.name}/" if one.is_dir() else one.name
        for one in (PROJECT / "layers/sms_bridge").iterdir()
    }

    assert {*chain(*named)} == rooms - {"__init__.py", "__pycache__/"}


# Which of the other rooms' modules each room may load.
MAY_LOAD: dict[str, tuple[str, ...]] = {
    "domain": (),
    "services": ("sms_bridge.domain",),
    "providers": ("sms_bridge.domain",),
    "storage": ("sms_bridge.domain",),
    "api": ("sms_bridge.domain", "sms_bridge.services", "sms_bridge.providers.eightx8"),
}


@pytest.mark.parametrize("room", MAY_LOAD)
def test_imports_point_one_way(room: str) -> None:
    modules = (PROJECT / "layers/sms_bridge" / room).glob("*.py")
    loaded = {name for path in modules for name in loaded_by(ast.parse(path.read_text("utf-8")))}
    of_other_rooms = {
        name
        for name in loaded
        if name.startswith(tuple(f"sms_bridge.{one}" for one in MAY_LOAD if one != room))
    }

    assert loaded
    assert {name for name in of_other_rooms if not name.startswith(MAY_LOAD[room])} == set()


def loaded_by(code: ast.AST) -> Iterator[str]:
    """Yield the modules that are imported, but for those of types only."""
    for node in ast.iter_child_nodes(code):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.ImportFrom):
            yield str(node.module)
        yield from loaded_by(node)


def test_every_kind_of_item_is_listed() -> None:
    listed = rows_of(DOCUMENT, "| `id` | what it is | kept for |")
    sources = (PROJECT / "layers/sms_bridge/storage").glob("*.py")
    written = re.findall(
        r'(?:_PREFIX = |\bf)"([a-z-]+ )["{]', "".join(one.read_text("utf-8") for one in sources)
    )

    kinds = {words_in(row[0])[0].partition("{")[0] for row in listed}

    # `umid ` is written by services, a message's id has no prefix.
    assert kinds == {*written, "umid ", CIRCUIT, ""}


def test_every_index_is_listed() -> None:
    listed = {
        words_in(row[0])[0]: words_in(row[1])[0]
        for row in rows_of(DOCUMENT, "| index | sorted under | holds | read by |")
    }

    assert listed == INDEXES


def test_every_queue_is_listed_with_its_time(template: Template) -> None:
    listed = {
        words_in(row[0])[0]: row[2] for row in rows_of(DOCUMENT, "| queue | carries | kept for |")
    }

    assert listed == {
        name: f"{queue['MessageRetentionPeriod'] // 86_400} days"
        for name, queue in template.of_type("AWS::SQS::Queue").items()
    }


def test_every_function_is_listed_with_its_routes(template: Template) -> None:
    listed = {
        words_in(row[0])[0]: {word for word in words_in(row[1]) if "/" in word}
        for row in rows_of(DOCUMENT, "| function | started by | does | why it is one of its own |")
    }

    assert listed == {
        properties["CodeUri"].split("/")[1]: routes_of(properties)
        for properties in template.functions.values()
    }


def test_every_finding_of_reconcile_is_listed() -> None:
    rows = rows_of(DOCUMENT, "| it finds | when | it does |")

    assert {words_in(row[0])[0] for row in rows} == set(Finding)


def routes_of(function: dict[str, Any]) -> set[str]:
    return {
        f"{event['Properties']['Method']} {event['Properties']['Path']}"
        for event in function.get("Events", {}).values()
        if event["Type"] == "HttpApi" and "Path" in event["Properties"]
    }
