"""Quality: how often the evaluators err, tried on finished books and on defects that are seeded into them."""
