"""What a person can put right."""


class UserError(Exception):
    """One sentence for whoever sits at the terminal: what is wrong and what to do. Shown without a traceback."""
