"""The operators' page, on the internal port: what the commands in ops/ show, in a browser."""
