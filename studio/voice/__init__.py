"""The studio's voice: reads a text aloud and says when each character is heard."""
