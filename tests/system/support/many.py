# SPDX-License-Identifier: Apache-2.0
"""How does a test send a thousand requests at one moment? A client's pool would count its connections
longer than the runner works; here each request has one of its own."""
import asyncio
import json

from support.net import answers


async def post(port, path, token, body):
    """One POST on a connection of its own; returns (status, headers as dict, JSON body)."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    content = json.dumps(body).encode()
    writer.write(f"POST {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\nconnection: close\r\n"
                 f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n".encode()
                 + content)
    (answer,) = answers(await reader.read())
    writer.close()
    return answer.status, dict(answer.headers), json.loads(answer.body)


def execute_all(runner, bodies):
    """Starts a POST /v1/execute for each body; returns the tasks. Call from a running loop."""
    return [asyncio.create_task(post(runner.port, "/v1/execute", runner.token, body)) for body in bodies]
