"""A Modbus server of another make (pymodbus), for tests.

Arguments: `tcp PORT` or `rtu PATH BAUD`, then units and their holding registers as JSON, {"1": {"500": [658, 246]}}.
Units that are not named do not answer.
"""

import asyncio
import json
import sys

from pymodbus import FramerType
from pymodbus.server import StartAsyncSerialServer, StartAsyncTcpServer
from pymodbus.server.requesthandler import ServerRequestHandler
from pymodbus.simulator import DataType, SimData, SimDevice


def devices(text):
    for unit, blocks in json.loads(text).items():
        yield SimDevice(
            id=int(unit),
            simdata=[
                SimData(int(address), values=values, datatype=DataType.REGISTERS)
                for address, values in blocks.items()
            ],
        )


def leave_others_unanswered(known):
    """On a line a question to a unit that is not there meets silence."""
    handle = ServerRequestHandler.handle_request

    async def handle_known(self):
        if self.last_pdu and self.last_pdu.dev_id in known:
            await handle(self)

    ServerRequestHandler.handle_request = handle_known


async def main():
    kind, where, *rest, units = sys.argv[1:]
    context = list(devices(units))
    leave_others_unanswered({device.id for device in context})
    if kind == "tcp":
        await StartAsyncTcpServer(context, address=("127.0.0.1", int(where)))
    elif kind == "rtu_over_tcp":
        await StartAsyncTcpServer(
            context, address=("127.0.0.1", int(where)), framer=FramerType.RTU
        )
    else:
        await StartAsyncSerialServer(context, port=where, baudrate=int(rest[0]))


asyncio.run(main())
