"""What a field means: from meanings.toml, or from the string below it in the code.

Types say what a field may be, never what it is for. A field that nobody has explained fails the check.
"""

import ast
import inspect
import tomllib
from functools import cache
from importlib.resources import files

from pydantic import BaseModel


def meaning(model: type[BaseModel], field: str) -> str:
    """What the field means, as its own class or the nearest one above it says. Raises LookupError."""
    for owner in model.__mro__:
        said = _explained().get(owner.__name__, {}).get(field) or _written_below(owner).get(field)
        if said:
            return said
    raise LookupError(f"say what {model.__name__}.{field} means, in tools/docs/meanings.toml.")


def explained() -> set[tuple[str, str]]:
    """All that meanings.toml explains: (class, field)."""
    return {(owner, field) for owner, said in _explained().items() for field in said}


@cache
def _explained() -> dict[str, dict[str, str]]:
    return tomllib.loads(files(__package__).joinpath("meanings.toml").read_text("utf-8"))


@cache
def _written_below(owner: type) -> dict[str, str]:
    """The strings that stand below a class's fields."""
    if not (issubclass(owner, BaseModel) and owner.__module__.startswith("storyloom.")):
        return {}
    (body,) = ast.parse(inspect.cleandoc("\n" + inspect.getsource(owner))).body
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = text
    return found
