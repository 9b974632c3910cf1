"""The command line ``storyloom``, on the client. It needs the packages of the extra ``cli``: cyclopts and rich."""
