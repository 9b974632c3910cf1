"""The asset graph as a picture and as a table."""

from collections.abc import Iterable

from storyloom.story.assets import GRAPH, Asset, Service
from tools.docs.markdown import code
from tools.docs.markdown import table as markdown_table

_COLOURS = {
    Service.CONTENT: "#dbeafe",
    Service.IMAGES: "#fce7f3",
    Service.AUDIO: "#dcfce7",
    Service.DOCUMENTS: "#fef3c7",
}


def mermaid() -> str:
    """The graph for Mermaid. A solid arrow is a need, a dotted one waits until its asset is settled.

    A need that follows from others is left out: text_4 needs text_1 because text_2 does.
    """
    lines = ["```mermaid", "flowchart LR"]
    for asset, recipe in GRAPH.items():
        shape = f'(["{asset.value}"])' if recipe.public else f'["{asset.value}"]'
        lines.append(f"    {asset.value}{shape}:::{recipe.service.value}")
    for asset, recipe in GRAPH.items():
        lines += [f"    {need.value} --> {asset.value}" for need in _direct(asset)]
        lines += [f"    {need.value} -.-> {asset.value}" for need in recipe.settled]
    lines += [
        f"    classDef {service.value} fill:{colour},stroke:#555,color:#111" for service, colour in _COLOURS.items()
    ]
    return "\n".join([*lines, "```"])


def table() -> str:
    """Asset by asset: who makes it and what it waits for."""
    rows = [
        [
            code(asset.value),
            recipe.service.value,
            _names(recipe.needs),
            _names(recipe.settled),
            "yes" if recipe.public else f"as part of {code(recipe.shown_as.value)}" if recipe.shown_as else "no",
        ]
        for asset, recipe in GRAPH.items()
    ]
    return markdown_table(["asset", "made by", "needs", "settled", "public"], rows)


def _direct(asset: Asset) -> list[Asset]:
    """The needs that do not follow from another need."""
    needs = GRAPH[asset].needs
    return [need for need in needs if not any(need in _all_needs(other) for other in needs)]


def _all_needs(asset: Asset) -> set[Asset]:
    needs = GRAPH[asset].needs
    return set(needs).union(*(_all_needs(need) for need in needs))


def _names(assets: Iterable[Asset]) -> str:
    return ", ".join(code(asset.value) for asset in assets) or "–"
