"""A story's way: api → content → images, audio, documents → status → the reader. They meet on the bus alone."""
