"""What API Gateway does with WebSocket clients: a signature is checked, by botocore, and messages are routed.

The key is in the variables of AWS. With AWS_SESSION_TOKEN it is a temporary one, whose token must come with the
signature and be covered by it. Region, service and host of each request that is admitted are written.
"""

import asyncio
import json
import os
import re
import sys
import threading
from http import HTTPStatus
from urllib.parse import parse_qsl, quote, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from websockets.asyncio.server import serve

CREDENTIALS = Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
TOKEN = os.environ.get("AWS_SESSION_TOKEN")
HEADER = re.compile(r"AWS4-HMAC-SHA256 Credential=(\S+), ?SignedHeaders=(\S+), ?Signature=(\w+)")


def claims(request):
    """The credential, the names of signed headers, the signature and the date of a request, and what of its query is signed."""
    url = urlsplit(request.path)
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    header = HEADER.fullmatch(request.headers.get("Authorization", ""))
    if header:
        return *header.groups(), request.headers["X-Amz-Date"], query
    signature = query.pop("X-Amz-Signature", "")
    return query.get("X-Amz-Credential"), query.get("X-Amz-SignedHeaders"), signature, query.get("X-Amz-Date"), query


def is_signed(request):
    credential, names, signature, date, query = claims(request)
    if not (credential and names and date):
        return False
    key, _, region, service, _ = credential.split("/")
    parameters = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in query.items())
    url = f"https://{request.headers['Host']}{urlsplit(request.path).path}?{parameters}"
    headers = {name: request.headers[name] for name in names.split(";")}
    # All of the query is signed, and of the headers those that are named.
    if TOKEN not in (headers.get("x-amz-security-token"), query.get("X-Amz-Security-Token")):
        return False
    signed = AWSRequest("GET", url, headers=headers)
    signed.context["timestamp"] = date
    signer = SigV4Auth(CREDENTIALS, service, region)
    wanted = signer.signature(signer.string_to_sign(signed, signer.canonical_request(signed)), signed)
    if key != CREDENTIALS.access_key or signature != wanted:
        return False
    print(region, service, request.headers["Host"], flush=True)
    return True


def admit(connection, request):
    if not is_signed(request):
        return connection.respond(HTTPStatus.FORBIDDEN, '{"message":"Forbidden"}\n')


async def route(connection):
    async for message in connection:
        body = json.loads(message)
        answer = body["data"] if body.get("action") == "echo" else {"message": "Internal server error"}
        await connection.send(json.dumps(answer, separators=(",", ":")))


async def main():
    choose = {"select_subprotocol": lambda _, offered: "mqtt" if "mqtt" in offered else None}
    async with serve(route, "127.0.0.1", 0, process_request=admit, **choose) as server:
        print("listening", server.sockets[0].getsockname()[1], flush=True)
        # It ends when stdin does, so that no orphan survives.
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        threading.Thread(target=lambda: (sys.stdin.read(), loop.call_soon_threadsafe(ended.set)), daemon=True).start()
        await ended.wait()


asyncio.run(main())
