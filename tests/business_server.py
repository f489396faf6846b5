"""A small server that does nothing but to admit and count calls: python business_server.py DATABASE_URL.

POST /NAME is a call of a user of that name. Prints the port that it listens on.
"""

import asyncio
import socket
import sys

import uvicorn
from service_calls import caller
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from irs_engine.server.apis import BY_NAME
from irs_engine.server.business import Business
from irs_engine.server.settings import BillingSettings, Settings
from irs_engine.server.store import Store

FREE = 100


def business_on(store):
    billing = BillingSettings(monthly_free_calls=FREE, prices={"default": [{"per_thousand": 1}]})
    return Business(store, Settings(billing=billing))


def app_of(business):
    async def call(request):
        permit = await business.admit(caller(user=request.path_params["user"]), BY_NAME["defog"])
        await asyncio.sleep(0.001)
        await business.count(permit, ok=True)
        return Response()

    return Starlette(routes=[Route("/{user}", call, methods=["POST"])])


def main(url):
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    app = app_of(business_on(Store(url)))
    uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off")).run([listener])


if __name__ == "__main__":
    main(sys.argv[1])
