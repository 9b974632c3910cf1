"""OpenAI: structured text, pictures, moderation, vision."""
