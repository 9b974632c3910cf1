"""What a PromQL query asks of the metrics: names, and the labels that it counts on."""

from collections import defaultdict

import promql_parser
import pytest
from promql_parser import AggregateExpr, Expr, MatrixSelector, VectorSelector

from tools.deploy.programs import ProgramMissing, program


def needs(query: str) -> dict[str, set[str]]:
    """By metric, the labels that a query matches or aggregates by. Raises ValueError for what is no PromQL."""
    found: defaultdict[str, set[str]] = defaultdict(set)

    def note(selector: VectorSelector) -> None:
        found[str(selector.name)] |= {matcher.name for matcher in selector.matchers.matchers}

    def visit(expression: Expr) -> None:
        if isinstance(expression, MatrixSelector):
            note(expression.vector_selector)
        elif isinstance(expression, VectorSelector):
            note(expression)
        elif isinstance(expression, AggregateExpr) and expression.modifier is not None:
            for name in needs(expression.expr.prettify()):
                found[name] |= set(expression.modifier.labels)

    promql_parser.walk(promql_parser.parse(query.replace("$__rate_interval", "5m")), visit)
    return dict(found)


def checker(name: str) -> str:
    """Promtool or amtool; without it the rest of the test is skipped, with a line that says so."""
    try:
        return str(program(name))
    except ProgramMissing as missing:
        pytest.skip(str(missing))
