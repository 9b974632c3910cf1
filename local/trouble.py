"""What a person can put right."""


class Trouble(Exception):  # noqa: N818 - the product's word; it is not a bug, so not an Error
    """One sentence for whoever sits at the terminal: what is wrong and what to do. Shown without a traceback."""
