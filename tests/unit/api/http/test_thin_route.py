"""Thin routes match a path by one regular expression, and give its parameters as texts."""

from starlette.convertors import StringConvertor

from secretary_api.app import ROUTERS
from secretary_api.http.thin_route import ThinRoute


def test_all_parameters_of_thin_routes_are_texts() -> None:
    routes = [one for each in ROUTERS for one in each.routes if isinstance(one, ThinRoute)]
    convertors = [type(one) for route in routes for one in route.param_convertors.values()]
    assert set(convertors) == {StringConvertor}
