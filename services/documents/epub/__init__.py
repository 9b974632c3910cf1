"""The e-book: an EPUB 3, laid out by its reader's device, that reads itself aloud, each word lit as it is spoken."""
