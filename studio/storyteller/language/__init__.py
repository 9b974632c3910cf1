"""English as the storyteller needs it: words, pronouns, phrases, rhythm."""
