"""A service behind clients/python/edge_registry.py: `python_service.py wsgi|asgi introspection|keys PORT`. It prints READY."""

import json
import os
import sys
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

sys.path.insert(0, str(Path(__file__).parents[3] / 'clients' / 'python'))
from edge_registry import SESSION, Introspection, KeySet, Protection  # noqa: E402

kind, way, port = sys.argv[1:]
issuer = os.environ['ISSUER']
check = (
    KeySet(issuer)
    if way == 'keys'
    else Introspection(issuer, os.environ['CLIENT_ID'], os.environ['CLIENT_SECRET'], cache_seconds=0)
)
protection = Protection(check, ['files:read'], audience=os.environ['AUDIENCE'])


def shown(session):
    return json.dumps({'sub': session.sub, 'client_id': session.client_id, 'scopes': session.scopes}).encode()


def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'application/json')])
    return [shown(environ[SESSION])]


async def asgi_application(scope, receive, send):
    if scope['type'] == 'lifespan':
        for event in ('startup', 'shutdown'):
            await receive()
            if event == 'startup':
                print('READY', flush=True)
            await send({'type': f'lifespan.{event}.complete'})
        return
    await send({'type': 'http.response.start', 'status': 200, 'headers': [(b'content-type', b'application/json')]})
    await send({'type': 'http.response.body', 'body': shown(scope[SESSION])})


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


if kind == 'asgi':
    import uvicorn

    uvicorn.run(protection.asgi(asgi_application), host='127.0.0.1', port=int(port), log_level='warning')
else:
    server = make_server('127.0.0.1', int(port), protection.wsgi(application), handler_class=Quiet)
    print('READY', flush=True)
    server.serve_forever()
