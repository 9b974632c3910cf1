"""The smallest question to a server on this machine: a status, without a client library's import time."""

import asyncio


async def ask(port: int, path: str) -> int:
    """The status of a GET on 127.0.0.1, 0 if it hangs up. HTTP/1.0, so that the server closes. Raises OSError."""
    async with asyncio.timeout(2):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
            status = (await reader.readline()).split()
            return int(status[1]) if len(status) > 1 else 0
        finally:
            writer.close()
