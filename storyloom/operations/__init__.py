"""What operators ask of the whole system: what goes on, what is wrong, what was given up. For ops/ and for status."""
