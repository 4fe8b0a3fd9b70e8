"""A client of wirecat's endpoints on Python `websockets` 17, for tests/endpoints_peers.rs.

Takes a list of jobs as JSON on stdin and writes one line of JSON for each: what came of the connection. A job
has `url`, and may have `send`, `receive` (a number of messages), `protocols`, `headers`, `ping` and `timeout`.
"""

import asyncio
import json
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus


def shown(message):
    return message if isinstance(message, str) else f"binary {len(message)}"


async def answered(connection):
    pong = await connection.ping()
    try:
        await asyncio.wait_for(pong, 1)
        return True
    except (TimeoutError, ConnectionClosed):
        return False


async def use(connection, job, report):
    headers = connection.response.headers
    report["opened"] = True
    report["subprotocol"] = connection.subprotocol
    report["extensions"] = headers.get("Sec-WebSocket-Extensions", "")
    report["cookies"] = headers.get_all("Set-Cookie")
    for message in job.get("send", []):
        await connection.send(message)
    while len(report["messages"]) < job.get("receive", 0):
        message = await asyncio.wait_for(connection.recv(), job.get("timeout", 10))
        report["messages"].append(shown(message))
    if job.get("ping"):
        report["pong"] = await answered(connection)
    await connection.close()
    report["code"] = connection.close_code


async def run(job):
    report = {"opened": False, "status": None, "error": None, "messages": []}
    connection = None
    try:
        connection = await connect(
            job["url"],
            subprotocols=job.get("protocols"),
            additional_headers=job.get("headers"),
            open_timeout=job.get("timeout", 10),
            close_timeout=1,
            max_size=None,
            ping_interval=None,
            proxy=None,
        )
        await use(connection, job, report)
    except InvalidStatus as error:
        report["status"] = error.response.status_code
        report["error"] = "InvalidStatus"
    except ConnectionClosed as error:
        report["code"] = connection.close_code
        report["error"] = type(error).__name__
    except Exception as error:
        report["error"] = type(error).__name__
    return report


async def main():
    for job in json.load(sys.stdin):
        print(json.dumps(await run(job)), flush=True)


asyncio.run(main())
