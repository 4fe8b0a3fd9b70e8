"""An OCPP 1.6-J central system on PyPI `ocpp`: it accepts a charge point, and then asks it to reset.

It writes what the charge point answered to that: `reset STATUS`, or `reset None`.
"""

import asyncio
import threading
import sys
from datetime import datetime, timezone

from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result
from ocpp.v16.enums import Action, RegistrationStatus, ResetType
from websockets.asyncio.server import serve


class Station(ChargePoint):
    @on(Action.boot_notification)
    def on_boot(self, charge_point_vendor, charge_point_model, **_):
        asyncio.get_running_loop().call_later(0.1, lambda: asyncio.ensure_future(self.reset()))
        return call_result.BootNotification(current_time=now(), interval=300, status=RegistrationStatus.accepted)

    @on(Action.heartbeat)
    def on_heartbeat(self):
        return call_result.Heartbeat(current_time=now())

    async def reset(self):
        try:
            answer = await self.call(call.Reset(type=ResetType.soft))
        except asyncio.TimeoutError:
            answer = None
        print("reset", getattr(answer, "status", None), flush=True)


def now():
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


async def connected(connection):
    if connection.subprotocol is None:
        return await connection.close(1002, "the subprotocol ocpp1.6 is missing")
    await Station(connection.request.path.strip("/"), connection).start()


async def main():
    async with serve(connected, "127.0.0.1", 0, subprotocols=["ocpp1.6"]) as server:
        print("listening", server.sockets[0].getsockname()[1], flush=True)
        # It ends when stdin does, so that no orphan survives.
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        threading.Thread(target=lambda: (sys.stdin.read(), loop.call_soon_threadsafe(ended.set)), daemon=True).start()
        await ended.wait()


asyncio.run(main())
