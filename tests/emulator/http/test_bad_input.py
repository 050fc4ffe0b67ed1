"""Tests of requests that no sane client sends: the documented 4xx, and nothing changed."""

import asyncio
import json

import pytest

from support.emulator import CREDENTIALS, PACKAGE_ID, PACKAGES, PROJECT, TASKS, ids, scenario_of

TOKEN = {"X-Auth-Token": CREDENTIALS.token}
JSON = {**TOKEN, "Content-Type": "application/json"}
GOOD = {
    "task_name": "t",
    "task_type": "firmwareUpgrade",
    "targets": ids("good", 1),
    "document": {"package_ids": [PACKAGE_ID]},
}
GOOD_BYTES = json.dumps(GOOD).encode()


@pytest.fixture(scope="module")
def used(shared_api):
    """Return an API with one task, and a check that nothing has changed since."""
    task_id = shared_api.create(groups=["bad"])
    digest = shared_api.digest()

    def is_unchanged():
        return shared_api.digest() == digest and shared_api.session.n_commands == 1

    return shared_api, task_id, is_unchanged


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{]",
        b'{"targets": [}',
        b"[1, 2",
        b"nonsense",
        b"{'task_name': 1}",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"task_name": "\xff\xfe"}',
        b"\xff\xfe\x00\x00",
        b"\x00",
        "{}".encode("utf-16"),
        b"\xef\xbb\xbf{}",
        b'{"a": "\\ud800"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        GOOD_BYTES + b"x",
        GOOD_BYTES + GOOD_BYTES,
    ],
)
@pytest.mark.parametrize("path", [TASKS, PACKAGES, f"{TASKS}/{1:024x}/retry", "/_sim/clock/advance"])
def test_body__that_is_not_json(used, path, body):
    """What is not JSON in UTF-8 is refused as a whole, with the documented code."""
    api, _, is_unchanged = used
    answer = api.send("POST", path, body)

    assert (answer.status, answer.code) == (400, "IOTDA.000008")
    assert is_unchanged()


@pytest.mark.parametrize("value", [b"[]", b"1", b'"text"', b"true", b"[{}]", b'{"targets": {"a": 1}}'])
@pytest.mark.parametrize("path", [TASKS, PACKAGES, f"{TASKS}/{1:024x}/stop"])
def test_body__of_another_shape(used, path, value):
    """JSON of another shape is invalid input, not an empty body."""
    api, _, is_unchanged = used
    answer = api.send("POST", path, value)

    assert (answer.status, answer.code) == (400, "IOTDA.000006")
    assert is_unchanged()


@pytest.mark.parametrize(
    "media_type", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "json", ""]
)
def test_body__of_another_media_type(used, media_type):
    """A body that doesn't say it is JSON is not read as JSON."""
    api, _, is_unchanged = used
    headers = TOKEN if media_type is None else {**TOKEN, "Content-Type": media_type}
    answer = api.send("POST", TASKS, GOOD_BYTES, headers=headers)

    assert (answer.status, answer.code) == (400, "IOTDA.000008")
    assert is_unchanged()


@pytest.mark.parametrize("media_type", ["application/json; charset=UTF-8", "Application/JSON"])
def test_body__the_media_type_may_have_parameters(api, media_type):
    """Parameters and capitals in the media type don't matter."""
    answer = api.send("POST", TASKS, GOOD_BYTES, headers={**TOKEN, "Content-Type": media_type})

    assert answer.status == 201


def test_body__of_more_than_12_mib(used):
    """A body beyond the gateway's limit is 413, whether its length was said or not."""
    api, _, is_unchanged = used
    large = b'{"targets":["' + b"a" * (12 * 1024**2) + b'"]}'
    for headers in (JSON, {**JSON, "Content-Length": str(len(large))}, {**JSON, "Content-Length": "9" * 30}):
        answer = api.send("POST", TASKS, large, headers=headers)
        assert (answer.status, answer.code) == (413, "APIGW.0201")
    assert is_unchanged()


def test_body__just_below_12_mib_is_read(used):
    """Up to the limit a body is looked at, and refused for what it says."""
    api, _, is_unchanged = used
    targets = [f"good-{k:0100d}" for k in range(115_000)]
    body = json.dumps({**GOOD, "targets": targets}).encode()
    assert 12_000_000 < len(body) < 12 * 1024**2
    answer = api.send("POST", TASKS, body)

    assert (answer.status, answer.code) == (400, "IOTDA.000006")
    assert is_unchanged()


def test_targets__30001_are_too_many(make_api):
    """A task has at most 30,000 targets; exactly so many are fine."""
    api = make_api(scenario_of(fleet={"cohorts": [{"name": "many", "devices": 30_001}]}))
    too_many = api.post(TASKS, {**GOOD, "targets": ids("many", *range(30_001))})
    grouped = api.post(TASKS, {**GOOD, "targets": [], "targets_filter": {"group_ids": ["many"]}})
    assert [(a.status, a.code) for a in (too_many, grouped)] == [(400, "IOTDA.000006")] * 2
    assert api.session.n_commands == 0

    assert api.post(TASKS, {**GOOD, "targets": ids("many", *range(30_000))}).status == 201


@pytest.mark.parametrize(
    "task_id",
    ["A" * 24, "0" * 25, "xyz", "1%20", "%00", "1%0d%0aX-Evil:%201", "..%5c", "1;drop", "%F0%9F%98%80", ".."],
)
def test_task_id__outside_the_pattern(used, task_id):
    """An id that can't be one is refused before it is looked up, and never comes back in a header."""
    api, _, is_unchanged = used
    answers = [
        api.get(f"{TASKS}/{task_id}"),
        api.delete(f"{TASKS}/{task_id}"),
        api.post(f"{TASKS}/{task_id}/retry"),
        api.post(f"{TASKS}/{task_id}/stop", {}),
    ]

    assert [(answer.status, answer.code) for answer in answers] == [(400, "IOTDA.000006")] * 4
    assert all("evil" not in "".join(answer.headers).lower() for answer in answers)
    assert is_unchanged()


@pytest.mark.parametrize(
    "path",
    [
        f"{TASKS}/",
        f"{TASKS}//",
        f"/{TASKS}",
        f"{TASKS}/%2E%2e%2F{PROJECT}",
        f"{TASKS}/%2e%2e/batchtasks",
        f"{TASKS}/1%2Fretry",
        f"{TASKS}/{1:024x}/",
        f"{TASKS}/{1:024x}/retry/",
        f"{TASKS}/{1:024x}/nothing",
        f"{TASKS.upper()}",
        f"/v5/iot/{PROJECT}/../{PROJECT}/batchtasks",
        f"/v5/iot/{PROJECT}",
        "/v5/iot/",
        "/v5",
        "/",
        "/_sim",
        "/_sim/../v5",
        "//etc/passwd",
        "/docs",
        "/redoc",
    ],
)
def test_path__tricks_lead_nowhere(used, path):
    """A path that is not exactly one of the API's is 404 or, in another project, 403."""
    api, _, is_unchanged = used
    for method in ("GET", "POST"):
        answer = api.send(method, path)
        assert (answer.status, answer.code) in ((404, "APIGW.0101"), (403, "APIGW.0302"))
    assert is_unchanged()


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "TRACE", "CONNECT", "HEAD", "BREW"])
def test_method__that_the_api_does_not_have(used, method):
    """Another method is refused as the vendor's gateway refuses it."""
    api, task_id, is_unchanged = used
    for path in (TASKS, f"{TASKS}/{task_id}"):
        answer = api.send(method, path)
        assert (answer.status, answer.code) == (404, "APIGW.0101")
    assert is_unchanged()


def test_uri__that_is_too_long(used):
    """A path and query beyond 8 KiB are 414."""
    api, _, is_unchanged = used
    answer = api.send("GET", TASKS, query="app_id=" + "a" * 9000)

    assert (answer.status, answer.code) == (414, "APIGW.0201")
    assert is_unchanged()


def test_headers__that_are_too_large(used):
    """More headers than a gateway takes are 494; those of a request with the longest token are not."""
    api, _, is_unchanged = used
    answer = api.send("GET", "/_sim/clock", headers={**TOKEN, "X-Long": "x" * 32768})

    assert (answer.status, answer.code) == (494, "APIGW.0201")
    assert api.send("GET", "/_sim/clock", headers={**TOKEN, "X-Long": "x" * 16384}).status == 200
    assert is_unchanged()


def test_query__repeated_and_unknown_parameters(api):
    """The last of a repeated parameter counts, and unknown ones are passed over."""
    answer = api.send("GET", TASKS, query="limit=0&limit=1&x=%FF&task_type=firmwareUpgrade&=&&")

    assert answer.status == 200


@pytest.mark.parametrize(
    "value", ["5.0", "1_0", "%205", "5%20", "+5", "%2B5", "5e0", "0x5", "%EF%BC%95", "", "--5"]
)
@pytest.mark.parametrize("name", ["limit", "offset"])
def test_query__a_number_is_written_in_digits(used, name, value):
    """What only Python takes for an integer is refused, as other services do."""
    api, _, _ = used
    codes = {"limit": "IOTDA.000017", "offset": "IOTDA.000006"}
    for path in (TASKS, f"{TASKS}/{1:024x}", PACKAGES):
        answer = api.send(
            "GET", path, query=f"task_type=firmwareUpgrade&package_type=firmwarePackage&{name}={value}"
        )
        assert (answer.status, answer.code) == (400, codes[name])


@pytest.mark.parametrize("name", ["limit", "offset"])
def test_query__a_number_in_digits_is_one(used, name):
    """Digits are read, with a sign and zeros before them if somebody likes."""
    api, _, _ = used
    for value, status in (("5", 200), ("05", 200), ("-5", 400)):
        assert api.send("GET", TASKS, query=f"task_type=firmwareUpgrade&{name}={value}").status == status


SLIPS = {
    "at the top": (TASKS, {**GOOD, "something_new": {"a": 1}}, "'something_new'"),
    "of the policy": (TASKS, {**GOOD, "task_policy": {"retry_cuont": 2}}, "'task_policy.retry_cuont'"),
    "of the document": (
        TASKS,
        {**GOOD, "document": {"package_ids": [PACKAGE_ID], "package_id": "x"}},
        "'document.package_id'",
    ),
    "two": (TASKS, {**GOOD, "a": 1, "b": 2}, "'a', 'b'"),
    "that steers a terminal": (TASKS, {**GOOD, "\x1b[2J\u202e": 1}, "'\\x1b[2J\\u202e'"),
    "that is long": (TASKS, {**GOOD, "k" * 10_000: 1}, f"'{'k' * 64}'"),
    "of a call": (f"{TASKS}/{{task_id}}/stop", {"target": ["good-0000001"]}, "'target'"),
    "of a package": (
        PACKAGES,
        {
            "app_id": "a",
            "package_type": "firmwarePackage",
            "product_id": "p",
            "version": "9",
            "file_location": {
                "obs_location": {"region_name": "r", "bucket_name": "bbb", "object_key": "k", "signn": "s"}
            },
        },
        "'file_location.obs_location.signn'",
    ),
}


@pytest.mark.parametrize("name", SLIPS)
def test_body__unknown_keys_are_passed_over_with_a_warning(api, caplog, name):
    """A newer client's fields don't make its request fail; a slip of the pen is told, once."""
    path, body, shown = SLIPS[name]
    path = path.format(task_id=api.create(groups=["bad"]))
    answers = [api.post(path, body) for _ in range(2)]

    assert answers[0].status in (200, 201), answers[0].body
    assert "something_new" not in answers[0].json
    (warning,) = caplog.messages
    where = f"POST {path}"
    assert warning == f"Warning: {where}: passed over, the API does not know: {shown}"


@pytest.mark.parametrize("name", SLIPS)
def test_body__unknown_keys_are_refused_if_wanted(make_api, caplog, name):
    """A strict server refuses them by name, and does nothing."""
    path, body, shown = SLIPS[name]
    api = make_api(is_strict=True)
    path = path.format(task_id=api.create(groups=["bad"]))
    answer = api.post(path, body)

    assert (answer.status, answer.code) == (400, "IOTDA.000006")
    assert answer.json["error_msg"].endswith(f"body: has keys that the API does not know: {shown}")
    assert api.session.n_commands == 1
    assert caplog.messages == []


def test_body__a_strict_server_takes_all_that_is_known(make_api):
    """What the vendor has is known, also where it is free in its form or not simulated."""
    api = make_api(is_strict=True)
    full = {
        **GOOD,
        "app_id": "a",
        "need_confirm": True,
        "task_ext_info": {"whatever": {"one": "likes"}},
        "targets_filter": {"group_ids": ["good"]},
        "task_policy": {"retry_count": 1, "retry_interval": 5, "schedule_time": "20260105T010000Z"},
        "task_mode": None,
        "document_source": None,
    }

    assert api.post(TASKS, full).status == 201


@pytest.mark.parametrize(
    ("value", "status"), [("", 400), (" ", 400), ("i", 200), ("i" * 36, 200), ("i" * 37, 400)]
)
def test_instance_id__has_1_to_36_characters(used, value, status):
    """The instance's name may be any, but must be able to be one; the control routes don't know it."""
    api, task_id, is_unchanged = used
    headers = {**JSON, "Instance-Id": value}
    for path in (f"{TASKS}/{task_id}", f"{PACKAGES}/{PACKAGE_ID}"):
        answer = api.send("GET", path, headers=headers)
        assert answer.status == status
        assert status == 200 or answer.code == "IOTDA.000006"
    assert api.send("GET", "/_sim/clock", headers=headers).status == 200
    assert api.send("GET", TASKS, headers={**headers, "X-Auth-Token": "wrong"}).status == 401
    assert is_unchanged()


@pytest.mark.parametrize("name", ["a\r\nX-Evil: 1", "a\x00b", "名\u202e", "a" * 129, ""])
def test_task_name__cannot_smuggle_anything(used, name):
    """Line breaks, control characters and overlong names are refused; nothing reaches a header."""
    api, _, is_unchanged = used
    answer = api.post(TASKS, {**GOOD, "task_name": name})

    assert (answer.status, answer.code) == (400, "IOTDA.000006")
    assert is_unchanged()


def test_ext_info__whatever_json_holds_comes_back(api):
    """Odd but valid JSON is echoed as it came."""
    odd = {"": None, "k\u0000": [1e308, -0.0, 2**63, "\u2028\U0001f600"], "nested": {"a": [[], {}]}}
    answer = api.post(TASKS, {**GOOD, "task_ext_info": odd})

    assert (answer.status, answer.json["task_ext_info"]) == (201, odd)
    shown = api.get(f"{TASKS}/{answer.json['task_id']}").json["batchtask"]
    assert shown["task_ext_info"] == odd


@pytest.mark.parametrize("field", [b"task_ext_info", b"document"])
@pytest.mark.parametrize("number", [b"9" * 5000, b"1e999", b"-1e400"])
def test_numbers__that_could_not_be_handed_back(used, field, number):
    """A number with thousands of digits or beyond all bounds is no reason to stumble."""
    api, _, is_unchanged = used
    body = GOOD_BYTES[:-1] + b', "' + field + b'": {"package_ids": [], "n": [' + number + b"]}}"
    answer = api.send("POST", TASKS, body)

    assert answer.status == 400
    assert is_unchanged()


def test_client__that_goes_away_while_it_sends(api):
    """A request that never arrives whole is no request."""
    sent = []

    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": TASKS,
        "raw_path": TASKS.encode(),
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"x-auth-token", CREDENTIALS.token.encode())],
    }
    asyncio.run(api.app(scope, receive, send))

    assert sent == []
    assert api.session.n_commands == 0
