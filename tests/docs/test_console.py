"""docs/console.md names every order of the control API, and none that is not there."""

import re

from aiohttp import web

from local.console.server import routes
from tests.template.conftest import PROJECT


def test_the_control_api_is_documented_as_it_is() -> None:
    text = (PROJECT / "docs/console.md").read_text("utf-8")
    there = {
        f"{route.method} {re.sub(r'{(\w+):.*}', r'{\1}', route.path)}"
        for route in routes()
        if isinstance(route, web.RouteDef) and route.path.startswith("/api/")
    }

    documented = re.findall(r"^\| `([A-Z]+ /api/[^`]+)` \|", text, re.MULTILINE)

    assert sorted(documented) == sorted(there)
