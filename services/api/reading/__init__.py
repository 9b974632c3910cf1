"""What readers see of a story: the book, its files, the links that open it without a key, and the pages."""
