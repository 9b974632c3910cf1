"""The printable book: laid out as HTML in the colours of its story, rendered to PDF in a process of its own."""
