"""Tests of connections, byte by byte: other protocols, announced bodies, and what strangers may cost."""

import asyncio
import json
import time
from datetime import UTC, datetime

import pytest

from sim.emulator.auth.signature import PLAIN, Authorization, Request, signature_of
from sim.emulator.http import connection
from sim.emulator.http.gate import HEADER_BYTES_MAX, URI_BYTES_MAX
from support.emulator import CREDENTIALS, TASKS, ids
from support.server import request
from support.wire import Wire, exchange

BODY = b'{"targets": ["good-0000001"]}'

# As curl 7.88 (`--http2 --json`) and the HTTP client of Java 17 send it.
CURL = b"""\
POST %s HTTP/1.1\r
Host: 127.0.0.1:8787\r
User-Agent: curl/7.88.1\r
Connection: Upgrade, HTTP2-Settings\r
Upgrade: h2c\r
HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r
X-Auth-Token: a-token\r
Content-Type: application/json\r
Accept: application/json\r
Content-Length: 29\r
\r
"""
JAVA = b"""\
POST %s HTTP/1.1\r
Connection: Upgrade, HTTP2-Settings\r
Content-Length: 29\r
Host: 127.0.0.1:8787\r
HTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA\r
Upgrade: h2c\r
User-Agent: Java-http-client/17.0.15\r
Content-Type: application/json\r
X-Auth-Token: a-token\r
\r
"""
OTHERS = {
    "curl": CURL,
    "Java": JAVA,
    "websocket": CURL.replace(b"h2c", b"websocket"),
    "several": CURL.replace(b"h2c", b"h2c, websocket"),
    "nothing but upgrade": CURL.replace(b"Upgrade, HTTP2-Settings", b"uPGRADE"),
    "HTTP/1.0": CURL.replace(b"HTTP/1.1", b"HTTP/1.0"),
    "in pieces": CURL.replace(b"Content-Length: 29", b"Transfer-Encoding: chunked"),
}


def stop_path(task_id):
    """Return the path of the call that stops subtasks of a task."""
    return f"{TASKS}/{task_id}/stop"


def split(whole, size):
    """Return a request in pieces of so many bytes."""
    return [whole[k : k + size] for k in range(0, len(whole), size)]


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("size", [1, 7, 290, 10_000])
def test_upgrade__is_answered_as_if_it_were_not_asked_for(api, name, size):
    """Whoever asks for another protocol keeps the body: a stop of one target stops one."""
    task_id = api.create(groups=["good"])
    body = b"1d\r\n%s\r\n0\r\n\r\n" % BODY if name == "in pieces" else BODY
    whole = OTHERS[name] % stop_path(task_id).encode() + body
    ((reply,), _) = exchange(api.app, split(whole, size))

    assert reply.status == 200
    assert json.loads(reply.body)["targets"] == [{"target": "good-0000001", "status": "success"}]
    assert api.progress(task_id)["stopped"] == 1


def test_upgrade__is_no_reason_to_lose_the_requests_behind_it(api):
    """Requests in one piece are all answered, in their order, whichever of them ask for an upgrade."""
    task_id = api.create(groups=["good"])
    asking = CURL % stop_path(task_id).encode() + BODY
    plain = request("POST", stop_path(task_id), BODY.replace(b"1", b"2"))
    replies, is_closed = exchange(api.app, [asking + plain + asking * 300], 302)

    stopped = [json.loads(reply.body)["targets"][0]["target"] for reply in replies]
    assert stopped == ids("good", 1, 2) + ids("good", 1) * 300
    assert not is_closed


def test_upgrade__keeps_what_else_the_connection_was_told(api):
    """`close` in the same header is obeyed."""
    asking = CURL.replace(b"Connection: Upgrade", b"Connection: close, Upgrade")
    ((reply,), is_closed) = exchange(api.app, [asking % stop_path("1").encode() + BODY])

    assert (reply.status, reply.headers["connection"], is_closed) == (404, "close", True)


def test_connect__is_refused(api):
    """A tunnel can't be had, and what would go through it is not read."""
    ((reply,), is_closed) = exchange(api.app, [b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\nhello"])

    assert (reply.status, json.loads(reply.body)["error_code"], is_closed) == (400, "APIGW.0201", True)


NOBODY = request("POST", "PATH", b"")


@pytest.mark.parametrize(
    ("announced", "status"),
    [
        (b"Content-Length: 0", 200),
        (b"X-Nothing: said", 200),
        (b"Transfer-Encoding: chunked", 400),
        (b"Transfer-Encoding: Chunked", 400),
    ],
)
@pytest.mark.parametrize("call", ["stop", "confirm", "retry"])
def test_body__announced_and_absent_is_not_everybody(api, announced, status, call):
    """No body means everybody only if none was announced."""
    task_id = api.create(groups=["bad"], need_confirm=call == "confirm")
    if call == "retry":
        api.advance(until_settled=task_id)
    digest = api.digest()
    path = f"{TASKS}/{task_id}/{call}".encode()
    whole = NOBODY.replace(b"PATH", path).replace(b"Content-Length: 0", announced)
    ((reply,), _) = exchange(api.app, [whole + (b"0\r\n\r\n" if status == 400 else b"")])

    assert reply.status == status
    assert (api.digest() == digest) == (status == 400)
    if status == 400:
        assert json.loads(reply.body)["error_code"] == "IOTDA.000008"


def test_body__that_breaks_off_is_no_request(api):
    """Half a body does nothing, whatever it could be taken for."""
    task_id = api.create(groups=["good"])

    async def run():
        wire = Wire(api.app)
        await wire.send(request("POST", stop_path(task_id), b'{"targets": []}  ')[:-2])
        wire.protocol.connection_lost(None)
        await asyncio.sleep(0.05)

    asyncio.run(run())
    assert "stopped" not in api.progress(task_id)


def endless(begin, more, total):
    """Return pieces as a socket hands them out: the begin of a request, and more without an end."""
    return [begin, *([(more * (65536 // len(more) + 1))[:65536]] * (total // 65536))]


HOST = b"GET / HTTP/1.1\r\nHost: a\r\n"
ENDLESS = {
    "a value": (HOST + b"X: ", b"x", 494),
    "a name": (HOST, b"x", 494),
    "names": (HOST, b"x: y\r\n", 494),
    "the path": (b"GET /", b"x", 494),
    "the query": (b"GET /?", b"x", 494),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_head__is_bounded_while_it_comes(api, name):
    """A head that doesn't end is refused before it is read."""
    begin, more, status = ENDLESS[name]
    pieces = endless(begin, more, 10 * 1024**2)
    read = []

    async def run():
        wire = Wire(api.app)
        for piece in pieces:
            if wire.is_closed:
                break
            read.append(len(piece))
            await wire.send(piece)
        return await wire.replies()

    (reply,) = asyncio.run(run())
    assert (reply.status, json.loads(reply.body)["error_code"]) == (status, "APIGW.0201")
    assert sum(read) <= 2 * (URI_BYTES_MAX + 2 * HEADER_BYTES_MAX)


def test_head__of_the_longest_request_passes_in_any_pieces(api):
    """What the gate lets pass is not refused on the way: with the longest token and path."""
    token = CREDENTIALS.token.encode()
    head = b"GET /%s HTTP/1.1\r\nHost: a\r\nX-Auth-Token: %s\r\n" % (b"p" * 8000, token)
    fields = b"".join(b"x-%05d: y\r\n" % k for k in range(4000))
    for size in (1000, 65536):
        ((reply,), _) = exchange(api.app, split(head + fields + b"\r\n", size))
        assert reply.status == 404


def test_head__behind_a_large_body_is_counted_from_its_own_begin(api):
    """The end of one request and half of the next one in one piece are no reason for a refusal."""
    first = request("POST", TASKS, b'{"x": "' + b"x" * 200_000 + b'"}')
    second = request("GET", "/_sim/clock", b"")
    whole = first + second
    replies, _ = exchange(api.app, [whole[:1000], whole[1000:-5], whole[-5:]], 2)

    assert [reply.status for reply in replies] == [400, 200]


@pytest.mark.parametrize("more", [b"x: y\r\n", b"x"])
def test_trailers__are_bounded(api, more):
    """Fields behind a body are as bounded as those before it."""
    begin = request("POST", TASKS, b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    pieces = endless(begin + b"1\r\n{\r\n0\r\nX: ", more, 10 * 1024**2)
    ((reply,), is_closed) = exchange(api.app, pieces)

    assert (reply.status, is_closed) == (494, True)


def test_trailers__are_no_headers(api):
    """A token behind the body is none."""
    begin = request("POST", "/_sim/clock/freeze", b"").replace(
        b"Content-Length: 0", b"Transfer-Encoding: chunked"
    )
    line = f"X-Auth-Token: {CREDENTIALS.token}\r\n".encode()
    for whole, status in (
        (begin + b"2\r\n{}\r\n0\r\n" + line + b"\r\n", 200),
        (begin.replace(line, b"") + b"2\r\n{}\r\n0\r\n" + line + b"\r\n", 401),
    ):
        ((reply,), _) = exchange(api.app, [whole])
        assert reply.status == status


WRONG = CREDENTIALS.token.encode(), b"wrong"


def test_stranger__is_refused_before_the_body_is_there(api):
    """A wrong token is answered at once; what follows of the body is passed over, and the next one served."""
    body = b"x" * 3_000_000
    stranger = request("POST", TASKS, body).replace(*WRONG)
    head_size = len(stranger) - len(body)

    async def run():
        wire = Wire(api.app)
        await wire.send(stranger[:head_size])
        refused = await wire.replies()
        held = 0
        for piece in split(stranger[head_size:], 65536):
            await wire.send(piece)
            held = max(held, len(wire.protocol.cycle.body))
        await wire.send(request("GET", "/_sim/clock", b""))
        return refused, await wire.replies(2), held

    refused, replies, held = asyncio.run(run())
    assert [reply.status for reply in refused] == [401]
    assert [reply.status for reply in replies] == [401, 200]
    assert held == 0


@pytest.fixture
def hasty(monkeypatch):
    """Let whole requests have a tenth of a second."""
    monkeypatch.setattr(connection, "REQUEST_S_MAX", 0.1)


HALVES = {
    "the head": (request("GET", TASKS, b"")[:-3], [408]),
    "the body": (request("POST", TASKS, b"{}")[:-1], [408]),
    "nothing": (b"\r\n", []),
    "a body that nobody wants": (request("POST", TASKS, b"{}")[:-1].replace(*WRONG), [401]),
}


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("name", HALVES)
def test_slow__is_given_up(api, name):
    """A request that is not there in time is refused once, and its connection closed."""
    sent, statuses = HALVES[name]

    async def run():
        wire = Wire(api.app)
        await wire.send(sent)
        await asyncio.sleep(0.3)
        return await wire.replies(0), wire.is_closed

    replies, is_closed = asyncio.run(run())
    assert [reply.status for reply in replies] == statuses
    assert is_closed


@pytest.mark.usefixtures("hasty")
def test_slow__does_not_help_that_bytes_trickle_in(api):
    """The time is that of the whole request, not between two bytes."""

    async def run():
        wire = Wire(api.app)
        for byte in request("GET", TASKS, b""):
            await wire.send(bytes([byte]))
            await asyncio.sleep(0.01)
        return await wire.replies(0), wire.is_closed

    replies, is_closed = asyncio.run(run())
    assert ([reply.status for reply in replies], is_closed) == ([408], True)


@pytest.mark.usefixtures("hasty")
def test_slow__an_answer_that_takes_long_is_waited_for(api):
    """A request that is there is not given up, whatever its answer takes; nor is an idle connection."""
    api.send("PUT", "/_sim/faults", b'{"latency_s": 0.3}')
    whole = request("GET", f"{TASKS}?task_type=firmwareUpgrade", b"")

    async def run():
        wire = Wire(api.app)
        await wire.send(whole)
        first = await wire.replies()
        await asyncio.sleep(0.3)
        await wire.send(whole)
        return first, await wire.replies(2), wire.is_closed

    first, both, is_closed = asyncio.run(run())
    assert [reply.status for reply in first + both] == [200] * 3
    assert not is_closed


def test_slow__the_server_itself_is_no_reason(api, monkeypatch):
    """Bytes that wait while a command holds everything up are not late."""
    monkeypatch.setattr(connection, "REQUEST_S_MAX", 0.5)
    monkeypatch.setattr(connection, "_LATE_S", 0.1)
    whole = request("GET", "/_sim/clock", b"")

    async def run():
        wire = Wire(api.app)
        await wire.send(whole[:-5])
        time.sleep(0.8)  # a long command
        await asyncio.sleep(0.1)
        await wire.send(whole[-5:])
        return await wire.replies()

    (reply,) = asyncio.run(run())
    assert reply.status == 200


def test_connections__are_bounded(api, monkeypatch):
    """One connection too many is refused; a place that becomes free can be taken."""
    monkeypatch.setattr(connection, "CONNECTIONS_MAX", 2)
    whole = request("GET", "/_sim/clock", b"")

    async def run():
        wires = [Wire(api.app)]
        wires += [Wire(api.app, wires[0].state) for _ in range(2)]
        (refused,) = await wires[2].replies()
        wires[0].transport.close()
        await asyncio.sleep(0.01)
        late = Wire(api.app, wires[0].state)
        await late.send(whole)
        return refused, wires[2].is_closed, await late.replies()

    refused, is_closed, (served,) = asyncio.run(run())
    assert (refused.status, json.loads(refused.body)["error_code"]) == (503, "APIGW.0201")
    assert is_closed
    assert served.status == 200


@pytest.mark.parametrize(
    ("hosts", "version", "status"),
    [
        (b"", b"1.1", 400),
        (b"Host: a\r\nHost: a\r\n", b"1.1", 400),
        (b"Host: a\r\nhost: b\r\n", b"1.0", 400),
        (b"Host: a\r\n", b"1.1", 200),
        (b"", b"1.0", 200),
    ],
)
@pytest.mark.parametrize("path", [b"/_sim/clock", b"/openapi.json"])
def test_host__is_sent_once(api, hosts, version, status, path):
    """A request without a host, or with two, is refused, as HTTP/1.1 wants it."""
    token = CREDENTIALS.token.encode()
    whole = b"GET %s HTTP/%s\r\n%sX-Auth-Token: %s\r\n\r\n" % (path, version, hosts, token)
    ((reply,), _) = exchange(api.app, [whole])

    assert reply.status == status
    if status == 400:
        assert json.loads(reply.body)["error_code"] == "APIGW.0201"


@pytest.mark.parametrize(
    "name", ["X-Auth-Token", "Authorization", "Content-Type", "X-Project-Id", "Instance-Id"]
)
def test_header__that_decides_is_sent_once(api, name):
    """Two values of a header that decides something are not chosen from."""
    line = f"{name}: a-token\r\n".encode()
    whole = request("GET", "/_sim/clock", b"").replace(b"Host:", line + line + b"Host:")
    ((reply,), _) = exchange(api.app, [whole])

    assert reply.status == 400


def test_token__blanks_around_it_are_no_part_of_it(api):
    """White space around a value is HTTP's, not the value's."""
    token = CREDENTIALS.token.encode()
    for blanks, status in ((b" \t%s \t", 200), (b"%s\t", 200), (b"a -token%.0s", 401)):
        whole = request("GET", "/_sim/clock", b"").replace(token, blanks % token)
        ((reply,), _) = exchange(api.app, [whole])
        assert reply.status == status


@pytest.mark.parametrize(("first", "status"), [(b"", 200), (b"X-Sdk-Date: 20000101T000000Z\r\n", 401)])
def test_signature__over_a_header_that_comes_twice(api, first, status):
    """A signed header is sent once, or it would not be clear which value was signed."""
    date = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}".encode()
    signed = Request("GET", b"/_sim/clock", b"", {"host": b"a", "x-sdk-date": date}, b"")
    who = Authorization(PLAIN, CREDENTIALS.ak, "", ("host", "x-sdk-date"), "")
    signature = signature_of(signed, who, CREDENTIALS.sk).encode()
    value = b"%s Access=%s, SignedHeaders=host;x-sdk-date, Signature=%s" % (
        PLAIN.encode(),
        CREDENTIALS.ak.encode(),
        signature,
    )
    head = b"GET /_sim/clock HTTP/1.1\r\nHost: a\r\n%sX-Sdk-Date: %s\r\nAuthorization:  %s \r\n\r\n"
    ((reply,), _) = exchange(api.app, [head % (first, date, value)])

    assert reply.status == status
    assert status == 200 or b"x-sdk-date is signed and was sent more than once" in reply.body


def test_lost_answer__breaks_off_in_silence(api, caplog):
    """A lost answer ends the connection in the middle, and nobody calls that an error."""
    task_id = api.create(groups=["good"])
    api.send("PUT", "/_sim/faults", b'{"lost_share": 1}')

    async def run():
        wire = Wire(api.app)
        await wire.send(request("POST", stop_path(task_id), BODY))
        return await wire.replies(), wire.is_closed, wire.transport.written

    replies, is_closed, written = asyncio.run(run())
    assert (replies, is_closed) == ([], True)
    assert written.startswith(b"HTTP/1.1 200 OK\r\n")
    assert written.endswith(b"\r\n\r\n")
    assert caplog.records == []
    api.send("PUT", "/_sim/faults", b"{}")
    assert api.progress(task_id)["stopped"] == 1
