"""python3 clients/python/test_edge_registry.py: the vectors over WSGI and ASGI, and what happens around the registry."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import math
import socketserver
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable
from unittest import mock
from urllib.parse import parse_qs, urlsplit

import edge_registry
from edge_registry import Asked, Introspection, KeySet, Protection, Refusal, Session, Unavailable

VECTORS = Path(__file__).parents[2] / 'test' / 'vectors'
FILES = ['audiences', 'credentials', 'endorsements', 'proofs', 'scopes', 'signed-tokens']
ISSUER = 'https://auth.example'
AUDIENCE = 'https://files.example'
logging.getLogger('edge_registry').addHandler(logging.NullHandler())
logging.getLogger('edge_registry').propagate = False


def read(name: str) -> dict[str, Any]:
    return json.loads((VECTORS / f'{name}.json').read_text())


class Registry:
    """A registry of vectors, by HTTP. `answer(path, form)` returns a status and a body, or an object for JSON."""

    def __init__(self, answer: Callable[[str, dict[str, str]], Any]) -> None:
        self.asked: list[str] = []
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def handle_request(self) -> None:
                length = int(self.headers.get('Content-Length', 0))
                form = parse_qs(self.rfile.read(length).decode())
                registry.asked.append(self.path)
                answered = answer(self.path, {name: values[0] for name, values in form.items()})
                status, body = answered if isinstance(answered, tuple) else (200, json.dumps(answered).encode())
                self.send_response(status)
                if status == 302:
                    self.send_header('Location', '/jwks.json')
                self.send_header('Content-Type', 'application/json')
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    pass

            do_GET = do_POST = handle_request

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.origin = f'http://127.0.0.1:{self.server.server_port}'
        threading.Thread(target=self.server.serve_forever, kwargs={'poll_interval': 0.01}, daemon=True).start()

    def __enter__(self) -> Registry:
        return self

    def __exit__(self, *_: Any) -> None:
        self.server.shutdown()
        self.server.server_close()


def told(file: dict[str, Any]) -> Callable[[str, dict[str, str]], Any]:
    def answer(path: str, form: dict[str, str]) -> Any:
        if path == '/jwks.json':
            return file['keySet']
        return file['introspection'].get(form.get('token', ''), {'active': False})

    return answer


def at(issuer_origin: str, check: Any) -> Any:
    """The vectors' tokens name ISSUER, and the keys are at the test's server."""
    if isinstance(check, KeySet):
        check._issuer = ISSUER
        read_keys = check._read

        def from_server() -> Any:
            check._issuer = issuer_origin
            try:
                return read_keys()
            finally:
                check._issuer = ISSUER

        check._read = from_server
    return check


def over_wsgi(protection: Protection, method: str, url: str, headers: dict[str, str]) -> tuple[int, dict, bytes, Any]:
    parts = urlsplit(url)
    environ = {
        'REQUEST_METHOD': method,
        'RAW_URI': parts.path + (f'?{parts.query}' if parts.query else ''),
        'HTTP_HOST': parts.netloc,
        'wsgi.url_scheme': parts.scheme,
        'wsgi.input': io.BytesIO(),
        **{f'HTTP_{name.upper().replace("-", "_")}': value for name, value in headers.items()},
    }
    found: dict[str, Any] = {'session': None}

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        found['session'] = environ['edge_registry.session']
        start_response('200 OK', [])
        return [b'served']

    def start_response(status: str, headers: list[tuple[str, str]]) -> None:
        found.update(status=int(status.split(' ')[0]), headers=dict(headers))

    body = b''.join(protection.wsgi(application)(environ, start_response))
    return found['status'], found['headers'], body, found['session']


def over_asgi(protection: Protection, method: str, url: str, headers: dict[str, str]) -> tuple[int, dict, bytes, Any]:
    parts = urlsplit(url)
    scope = {
        'type': 'http',
        'method': method,
        'scheme': parts.scheme,
        'path': parts.path,
        'raw_path': parts.path.encode(),
        'query_string': parts.query.encode(),
        'headers': [
            (b'host', parts.netloc.encode()),
            *((name.lower().encode(), value.encode()) for name, value in headers.items()),
        ],
    }
    found: dict[str, Any] = {'session': None, 'body': b''}

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        found['session'] = scope['edge_registry.session']
        await send({'type': 'http.response.start', 'status': 200, 'headers': []})
        await send({'type': 'http.response.body', 'body': b'served'})

    async def send(message: dict[str, Any]) -> None:
        if message['type'] == 'http.response.start':
            headers = {name.decode().title(): value.decode() for name, value in message['headers']}
            found.update(status=message['status'], headers={k.replace('Www', 'WWW'): v for k, v in headers.items()})
        else:
            found['body'] += message['body']

    async def receive() -> dict[str, Any]:
        return {'type': 'http.request', 'body': b''}

    asyncio.run(protection.asgi(application)(scope, receive, send))
    return found['status'], found['headers'], found['body'], found['session']


def parameter(challenge: str, name: str) -> str | None:
    import re

    match = re.search(f'[ ,]{name}="([^"]*)"', challenge)
    return match[1] if match else None


def introspecting(origin: str, **options: Any) -> Introspection:
    return Introspection(origin, 'api', 'secret', **options)


WAYS = {'introspection': (introspecting, ('any', 'opaque')), 'the key set': (KeySet, ('any', 'signed'))}
ADAPTERS = {'WSGI': over_wsgi, 'ASGI': over_asgi}


class Vectors(unittest.TestCase):
    def expect(self, answered: tuple[int, dict, bytes, Session | None], answer: dict[str, Any]) -> None:
        status, headers, body, session = answered
        self.assertEqual(status, answer['status'])
        if status == 200:
            self.assertIsNotNone(session)
            shown = {
                'sub': session.sub,
                'client_id': session.client_id,
                'scopes': sorted(session.scopes),
                'audience': list(session.audience),
                'endorsements': list(session.endorsements),
                **({} if session.jkt is None else {'jkt': session.jkt}),
            }
            self.assertEqual(shown, answer['session'])
            return
        self.assertIsNone(session)
        self.assertEqual(json.loads(body)['error'], answer['error'] or 'authentication_required')
        challenge = headers['WWW-Authenticate']
        self.assertEqual(challenge.split(' ')[0], answer['scheme'])
        self.assertEqual(parameter(challenge, 'error'), answer['error'])
        if 'scope' in answer:
            self.assertEqual(parameter(challenge, 'scope') or '', answer['scope'])

    def test_every_vector_gets_its_answer_over_wsgi_and_asgi(self) -> None:
        ran: dict[tuple[str, str, int], int] = {}
        for name in FILES:
            file = read(name)
            with Registry(told(file)) as registry:
                for way, (check_of, forms) in WAYS.items():
                    for vector in file['vectors']:
                        for adapter, ask in ADAPTERS.items():
                            if vector['form'] not in forms:
                                continue
                            with self.subTest(file=name, title=vector['title'], way=way, adapter=adapter):
                                required = vector['required']
                                resource, category = required.get('resource'), required.get('category')
                                protection = Protection(
                                    at(registry.origin, check_of(registry.origin)),
                                    required['scopes'],
                                    audience=required.get('audience', AUDIENCE if way == 'the key set' else None),
                                    resource=None if resource is None else lambda _: resource,
                                    category=None if category is None else lambda _: category,
                                )
                                now = vector.get('now', file['now'])
                                request = vector['request']
                                with mock.patch.object(edge_registry.time, 'time', return_value=now):
                                    for answer in filter(None, (vector['answer'], vector.get('repeated'))):
                                        answered = ask(protection, request['method'], request['url'], request['headers'])
                                        self.expect(answered, answer)
                                        key = (way, adapter, answer['status'])
                                        ran[key] = ran.get(key, 0) + 1
        for way in WAYS:
            for adapter in ADAPTERS:
                for status in (200, 401, 403):
                    self.assertGreater(ran[(way, adapter, status)], 10)


SIGNED = read('signed-tokens')
GOOD_SIGNED = SIGNED['vectors'][0]['request']['headers']['Authorization'].removeprefix('Bearer ')
CREDENTIALS = read('credentials')
GOOD_OPAQUE = next(
    vector['request']['headers']['Authorization'].removeprefix('Bearer ')
    for vector in CREDENTIALS['vectors']
    if vector['title'] == 'a good token (opaque)'
)
NOW = SIGNED['now']


class KeysOfTheRegistry(unittest.TestCase):
    def test_keys_are_read_once_for_many_tokens_and_again_after_five_minutes(self) -> None:
        with Registry(told(SIGNED)) as registry:
            check = at(registry.origin, KeySet(registry.origin))
            for now in (NOW, NOW + 1, NOW + 299):
                self.assertIsNotNone(check.find(GOOD_SIGNED, now))
            self.assertEqual(registry.asked, ['/jwks.json'])
            self.assertIsNotNone(check.find(GOOD_SIGNED, NOW + 300))
            self.assertEqual(len(registry.asked), 2)

    def test_a_flood_of_unknown_kids_reads_the_keys_once_in_ten_seconds(self) -> None:
        import base64

        def foreign(number: int) -> str:
            header = json.dumps({'alg': 'ES256', 'typ': 'at+jwt', 'kid': f'{number:043d}'}).encode()
            first = base64.urlsafe_b64encode(header).rstrip(b'=').decode()
            return '.'.join([first, *GOOD_SIGNED.split('.')[1:]])

        with Registry(told(SIGNED)) as registry:
            check = at(registry.origin, KeySet(registry.origin))
            self.assertIsNotNone(check.find(GOOD_SIGNED, NOW))
            for number in range(200):
                self.assertIsNone(check.find(foreign(number), NOW + 5))
            self.assertEqual(len(registry.asked), 1)
            self.assertIsNone(check.find(foreign(201), NOW + 11))
            self.assertEqual(len(registry.asked), 2)

    def test_a_registry_that_fails_is_a_503_and_keys_that_were_read_stay_good_meanwhile(self) -> None:
        answers: list[Any] = []
        with Registry(lambda *_: answers[0]) as registry:
            for bad in ((500, b'{}'), (200, b'no JSON'), (200, b'{}'), (200, b'[]'), (302, b''), (200, b'x' * 100_000)):
                answers[:] = [bad]
                check = at(registry.origin, KeySet(registry.origin))
                with self.assertRaises(Unavailable, msg=str(bad[0])):
                    check.find(GOOD_SIGNED, NOW)
                answered = over_wsgi(
                    Protection(check, audience=AUDIENCE), 'GET', AUDIENCE, {'Authorization': f'Bearer {GOOD_SIGNED}'}
                )
                self.assertEqual((answered[0], answered[3]), (503, None))
                self.assertEqual(answered[1]['Retry-After'], '5')
            answers[:] = [SIGNED['keySet']]
            check = at(registry.origin, KeySet(registry.origin))
            self.assertIsNotNone(check.find(GOOD_SIGNED, NOW))
            answers[:] = [(500, b'{}')]
            self.assertIsNotNone(check.find(GOOD_SIGNED, NOW + 400))

    def test_an_answer_that_is_no_http_is_a_503(self) -> None:
        answers: list[bytes] = []

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                self.request.recv(65536)
                self.request.sendall(answers[0])

        begun = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'
        with socketserver.ThreadingTCPServer(('127.0.0.1', 0), Handler) as server:
            threading.Thread(target=server.serve_forever, kwargs={'poll_interval': 0.01}, daemon=True).start()
            for answer in (
                b'nonsense\r\n\r\n',
                b'',
                b'HTTP/1.1 200 OK\r\n' + b'A: b\r\n' * 200 + b'\r\n',
                b'HTTP/1.1 200 OK\r\nA: ' + b'x' * 70_000 + b'\r\n\r\n',
                begun + b'Transfer-Encoding: chunked\r\n\r\nzz\r\n{}',
                begun + b'Transfer-Encoding: chunked\r\n\r\n5\r\n{}',
                begun + b'Content-Length: 50\r\n\r\n{"keys":[]',
            ):
                answers[:] = [answer]
                for check in (KeySet(f'http://127.0.0.1:{server.server_address[1]}'), introspecting(
                    f'http://127.0.0.1:{server.server_address[1]}'
                )):
                    with self.assertRaises(Unavailable, msg=str(answer[:60])):
                        check.find(GOOD_SIGNED, NOW)
            server.shutdown()

    def test_many_threads_at_once_read_the_keys_once(self) -> None:
        with Registry(told(SIGNED)) as registry:
            check = at(registry.origin, KeySet(registry.origin))
            found: list[Any] = []
            threads = [threading.Thread(target=lambda: found.append(check.find(GOOD_SIGNED, NOW))) for _ in range(20)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(len([session for session in found if session]), 20)
            self.assertEqual(registry.asked, ['/jwks.json'])


class AnswersOfIntrospection(unittest.TestCase):
    def test_an_answer_is_used_again_for_ten_seconds_and_a_negative_one_for_two(self) -> None:
        with Registry(told(CREDENTIALS)) as registry:
            check = introspecting(registry.origin)
            for now in (NOW, NOW + 9):
                self.assertIsNotNone(check.find(GOOD_OPAQUE, now))
            self.assertEqual(len(registry.asked), 1)
            self.assertIsNotNone(check.find(GOOD_OPAQUE, NOW + 10))
            self.assertEqual(len(registry.asked), 2)
            unknown = GOOD_OPAQUE[:-1] + ('0' if GOOD_OPAQUE[-1] != '0' else '1')
            for now in (NOW, NOW + 1, NOW + 2):
                self.assertIsNone(check.find(unknown, now))
            self.assertEqual(len(registry.asked), 4)

    def test_an_answer_is_never_used_past_the_expiry_of_the_token(self) -> None:
        expires = CREDENTIALS['introspection'][GOOD_OPAQUE]['exp']
        with Registry(told(CREDENTIALS)) as registry:
            check = introspecting(registry.origin, cache_seconds=10_000)
            self.assertIsNotNone(check.find(GOOD_OPAQUE, NOW))
            self.assertIsNotNone(check.find(GOOD_OPAQUE, expires - 1))
            self.assertIsNone(check.find(GOOD_OPAQUE, expires))

    def test_made_up_tokens_fill_no_more_than_their_own_cache_and_do_not_displace_good_ones(self) -> None:
        with Registry(told(CREDENTIALS)) as registry:
            check = introspecting(registry.origin, cache_size=5)
            self.assertIsNotNone(check.find(GOOD_OPAQUE, NOW))
            for number in range(50):
                self.assertIsNone(check.find(f'reg_{number:043d}AAAAAA', NOW))
            self.assertEqual((len(check._active), len(check._inactive)), (1, 5))
            asked = len(registry.asked)
            self.assertIsNotNone(check.find(GOOD_OPAQUE, NOW))
            self.assertEqual(len(registry.asked), asked)

    def test_a_fault_of_the_registry_is_a_503_and_is_not_kept(self) -> None:
        answers: list[Any] = []
        with Registry(lambda *_: answers[0]) as registry:
            check = introspecting(registry.origin)
            for bad in ((401, b'{}'), (503, b'{}'), (200, b'{}'), (200, b'{"active":"yes"}'), (302, b'')):
                answers[:] = [bad]
                with self.assertRaises(Unavailable, msg=str(bad)):
                    check.find(GOOD_OPAQUE, NOW)
            whole = CREDENTIALS['introspection'][GOOD_OPAQUE]
            for member in ('sub', 'client_id', 'exp', 'iat'):
                answers[:] = [{name: value for name, value in whole.items() if name != member}]
                with self.assertRaises(Unavailable, msg=member):
                    check.find(GOOD_OPAQUE, NOW)
            answers[:] = [{**whole, 'cnf': {'x5t#S256': 'a certificate'}}]
            with self.assertRaises(Unavailable):
                check.find(GOOD_OPAQUE, NOW)
            answers[:] = [whole]
            self.assertIsNotNone(check.find(GOOD_OPAQUE, NOW))

    def test_a_refresh_token_is_no_access_token(self) -> None:
        whole = {name: value for name, value in CREDENTIALS['introspection'][GOOD_OPAQUE].items() if name != 'token_type'}
        with Registry(lambda *_: whole) as registry:
            self.assertIsNone(introspecting(registry.origin).find(GOOD_OPAQUE, NOW))


class HostileRequests(unittest.TestCase):
    """Whoever sends them has no token: the answer is a refusal, and no exception."""

    def refused(self, headers: dict[str, str], url: str = AUDIENCE, origin: str | None = None) -> str:
        protection = Protection(introspecting('https://auth.example'), origin=origin)
        for over in (over_wsgi, over_asgi):
            status, sent, body, session = over(protection, 'GET', url, headers)
            self.assertEqual((status, session, json.loads(body)['error']), (401, None, 'invalid_dpop_proof'))
            self.assertLess(len(sent.get('WWW-Authenticate') or sent['www-authenticate']), 1000)
        return json.loads(body)['reason']

    def test_a_proof_with_any_number_as_its_moment_is_refused(self) -> None:
        import jwt
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        numbers = key.public_key().public_numbers()
        # RFC 7518 §6.2.1.2: of full length. PyJWT leaves out zeros in front.
        x, y = (edge_registry._encode(one.to_bytes(32, 'big')) for one in (numbers.x, numbers.y))
        header = {'typ': 'dpop+jwt', 'jwk': {'kty': 'EC', 'crv': 'P-256', 'x': x, 'y': y}}
        for iat in (10**4299, -(10**4300 - 1), 1e308, -1e308, math.inf, math.nan, 0.5):
            claims = {'htm': 'GET', 'htu': AUDIENCE, 'iat': iat, 'jti': 'x'}
            proof = jwt.encode(claims, key, 'ES256', header)
            self.assertIn('iat is ', self.refused({'Authorization': 'DPoP x', 'DPoP': proof}))

    def test_a_host_that_is_none_is_refused_with_and_without_an_origin(self) -> None:
        hosts = ('files.example', '[', '[::', 'a]b', 'a:b:c', '[::1]x', '%', 'a b', 'a\\b', '@', 'a:99999')
        for host, path in ((host, path) for host in hosts for path in ('/x', '/[', '[', '*', 'http://[/')):
            url = mock.Mock(scheme='https', netloc=host, path=path, query='')
            with mock.patch(f'{__name__}.urlsplit', return_value=url):
                for origin in (None, AUDIENCE):
                    self.refused({'Authorization': 'DPoP x', 'DPoP': 'x'}, origin=origin)


    def test_a_caller_does_not_choose_the_path_that_a_proof_is_for(self) -> None:
        asked: list[str] = []

        def decide(asking: Asked, _: Any = None) -> Refusal:
            asked.append(asking.url)
            return edge_registry.UNAVAILABLE

        for host in ('files.example/public?', 'files.example/public#', 'x@files.example/public?', '/public?'):
            url = mock.Mock(scheme='https', netloc=host, path='/admin', query='')
            for over in (over_wsgi, over_asgi):
                protection = Protection(introspecting('https://auth.example'))
                with mock.patch(f'{__name__}.urlsplit', return_value=url), mock.patch.object(protection, 'decide', decide):
                    over(protection, 'GET', AUDIENCE, {})
        self.assertEqual(set(asked), {'https://invalid./admin'})


class Decisions(unittest.TestCase):
    def test_an_authorizer_lets_a_generic_scope_use_a_resource_only_with_true(self) -> None:
        headers = {'Authorization': f'Bearer {GOOD_OPAQUE}'}
        with Registry(told(CREDENTIALS)) as registry, mock.patch.object(edge_registry.time, 'time', return_value=NOW):
            for said, status in ((True, 200), (False, 403), (1, 403), (None, 403)):
                protection = Protection(
                    introspecting(registry.origin),
                    ['files:read'],
                    resource=lambda _: '7',
                    authorizer=lambda session, resource, _: said,  # noqa: B023
                )
                self.assertEqual(over_wsgi(protection, 'GET', AUDIENCE, headers)[0], status)

    def test_an_exception_of_the_applications_own_functions_lets_nothing_through(self) -> None:
        def broken(_: Any) -> str:
            raise RuntimeError('mine')

        headers = {'Authorization': f'Bearer {GOOD_OPAQUE}'}
        with Registry(told(CREDENTIALS)) as registry, mock.patch.object(edge_registry.time, 'time', return_value=NOW):
            protection = Protection(introspecting(registry.origin), ['files:read'], resource=broken)
            with self.assertRaisesRegex(RuntimeError, 'mine'):
                over_wsgi(protection, 'GET', AUDIENCE, headers)

    def test_a_refused_websocket_is_closed_and_a_lifespan_passes(self) -> None:
        sent: list[dict[str, Any]] = []
        reached: list[str] = []

        async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
            reached.append(scope['type'])

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        protected = Protection(introspecting('https://auth.example')).asgi(application)
        asyncio.run(protected({'type': 'websocket', 'path': '/', 'headers': []}, None, send))
        self.assertEqual([message['type'] for message in sent], ['websocket.close'])
        asyncio.run(protected({'type': 'lifespan'}, None, send))
        self.assertEqual(reached, ['lifespan'])

    def test_bad_options_are_refused_when_the_protection_is_made(self) -> None:
        check = introspecting('https://auth.example')
        for make in (
            lambda: KeySet('https://auth.example/'),
            lambda: KeySet('http://auth.example'),
            lambda: KeySet('https://user@auth.example'),
            lambda: Introspection('https://auth.example', 'api', ''),
            lambda: Protection(KeySet('https://auth.example'), ['files:read']),
            lambda: Protection(check, 'files:read'),
            lambda: Protection(check, ['two scopes']),
            lambda: Protection(check, [], audience='files'),
            lambda: Protection(check, [], resource=lambda _: '7'),
            lambda: Protection(check, ['files:read:7'], resource=lambda _: '7'),
            lambda: Protection(check, ['files:read'], authorizer=lambda *_: True),
            lambda: Protection(check, [], resource_metadata='nowhere'),
            lambda: Protection(check, [], origin='https://files.example/path'),
        ):
            with self.assertRaises(ValueError):
                make()

    def test_no_token_and_no_secret_is_in_a_log_line_or_a_response(self) -> None:
        secret = 'regs_a-secret-of-the-test'
        said: list[str] = []
        with Registry(lambda *_: (500, GOOD_OPAQUE.encode())) as registry:
            protection = Protection(Introspection(registry.origin, 'api', secret))
            with self.assertLogs('edge_registry', 'DEBUG') as logs:
                answered = over_wsgi(protection, 'GET', AUDIENCE, {'Authorization': f'Bearer {GOOD_OPAQUE}'})
            said += [*logs.output, repr(answered)]
        self.assertEqual(answered[0], 503)
        for text in said:
            self.assertNotIn(GOOD_OPAQUE, text)
            self.assertNotIn(secret, text)

    def test_a_refusal_names_the_metadata_of_the_resource(self) -> None:
        url = 'https://files.example/.well-known/oauth-protected-resource'
        protection = Protection(introspecting('https://auth.example'), ['files:read'], resource_metadata=url)
        refusal = protection.decide(Asked('GET', AUDIENCE, lambda _: None))
        assert isinstance(refusal, Refusal)
        self.assertEqual(refusal.challenge, f'Bearer scope="files:read", realm="registry", resource_metadata="{url}"')


if __name__ == '__main__':
    unittest.main()
