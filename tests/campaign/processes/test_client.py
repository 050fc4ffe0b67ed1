"""Tests of a caller's way to the service: pace, latency, faults, patience."""

import numpy as np
import pytest

from sim.campaign import ApiClient, ApiGateway, Patience, TaskRequest
from sim.campaign.processes.client import FIRST_CALLER
from sim.fleet.model.draws import uniform
from sim.rules import Call


@pytest.fixture
def stage(make_stage):
    """Return a stage with one running task of all ten devices."""
    stage = make_stage()
    stage.create(np.arange(10))
    stage.service.calls.clear()
    return stage


def call_times(stage, clients, n_calls):
    """Let each client make calls one after the other; return time and caller of each answer."""
    begin_s = stage.env.now

    def script(client):
        for _ in range(n_calls):
            yield from client.call(Call.RETRY, stage.service.tasks[0].task_id)

    for client in clients:
        stage.env.process(script(client))
    stage.env.run(until=stage.env.now + 1000)
    return [(round(call.time_s - begin_s, 6), call.caller) for call in stage.service.calls]


def gateway_of(stage, **shares):
    """Return a gateway that lets ten calls a second pass."""
    return ApiGateway(stage.fleet.spec, rate_per_s=10.0, **shares)


def test_pace__the_first_call_goes_at_once_the_others_follow(stage):
    """Calls of one client are as far apart as the API's rate demands."""
    client = ApiClient(stage.service, gateway_of(stage), label="c", number=0)

    assert call_times(stage, [client], 3) == [(0.0, "c"), (0.1, "c"), (0.2, "c")]


def test_pace__a_slower_client_keeps_its_own_rate(stage):
    """The lower one of the client's and the API's rate counts."""
    client = ApiClient(stage.service, gateway_of(stage), label="c", number=0, rate_per_s=2.0)

    assert [time_s for time_s, _ in call_times(stage, [client], 3)] == [0.0, 0.5, 1.0]


def test_pace__clients_share_the_apis_rate(stage):
    """Two clients together call no more often than the API allows."""
    gateway = gateway_of(stage)
    clients = [ApiClient(stage.service, gateway, label=label, number=i) for i, label in enumerate("ab")]

    calls = call_times(stage, clients, 2)
    assert [time_s for time_s, _ in calls] == [0.0, 0.1, 0.2, 0.3]
    assert sorted(caller for _, caller in calls) == ["a", "a", "b", "b"]


def test_latency__the_next_call_waits_for_the_answer(stage):
    """With a latency longer than the pace, the latency rules; the service acts when the answer comes."""
    client = ApiClient(stage.service, gateway_of(stage), label="c", number=0, latency_s=0.25)

    assert [time_s for time_s, _ in call_times(stage, [client], 3)] == [0.25, 0.5, 0.75]


def test_faults__follow_the_keyed_draws(stage):
    """Which calls fail, and how, is a function of caller and call number alone."""
    gateway = gateway_of(stage, throttle_share=0.3, error_share=0.2)
    client = ApiClient(stage.service, gateway, label="c", number=4)
    call_times(stage, [client], 40)

    key = stage.fleet.spec.platform.seed, stage.fleet.spec.platform.replication
    draws = [uniform(*key, FIRST_CALLER + 4, number, 0) for number in range(1, 41)]
    expected = [429 if u < 0.3 else 500 if u < 0.5 else 200 for u in draws]
    assert [call.http_status for call in stage.service.calls] == expected
    assert {200, 429, 500} == set(expected)


def test_faults__reach_the_ledger_and_not_the_service(stage):
    """A call that is throttled is recorded with the gateway's code, and changes nothing."""
    client = ApiClient(stage.service, gateway_of(stage, throttle_share=1.0), label="c", number=0)

    def script():
        answers.append((yield from client.call(Call.STOP, stage.service.tasks[0].task_id)))

    answers = []
    stage.env.process(script())
    stage.settle()

    (call,) = stage.service.calls
    assert (call.call, call.body, call.http_status, call.error_code) == ("stop", "{}", 429, "APIGW.0308")
    assert answers == [None]
    assert stage.service.tasks[0].status.value == "Processing"


def test_patience__waits_grow_to_the_longest(stage):
    """Without success the waits between tries grow by the factor, and the call is given up at last."""
    patience = Patience(first_s=1.0, factor=3.0, longest_s=5.0, tries=5)
    gateway = gateway_of(stage, error_share=1.0)
    client = ApiClient(stage.service, gateway, label="c", number=0, patience=patience)

    assert [time_s for time_s, _ in call_times(stage, [client], 1)] == [0.0, 1.0, 4.0, 9.0, 14.0]


def test_patience__tries_until_the_call_gets_through(stage):
    """The answer is the service's, however many tries it took."""
    gateway = gateway_of(stage, throttle_share=0.5)
    client = ApiClient(stage.service, gateway, label="c", number=0, patience=Patience(tries=50))
    answers = []

    def script():
        while len(answers) < 10:
            answers.append((yield from client.call(Call.CONFIRM, stage.service.tasks[0].task_id)))

    stage.env.process(script())
    stage.env.run(until=10_000)

    assert [answer.http_status for answer in answers] == [200] * 10
    assert len(stage.service.calls) > 10


def test_send__creates_through_the_gateway(stage):
    """Any action may be sent, and what it returns is handed back."""
    client = ApiClient(stage.service, gateway_of(stage), label="c", number=0)
    made = []

    def script():
        task = yield from client.send(
            lambda: stage.service.create_batch_task(TaskRequest("t"), np.array([0]), caller="c"),
            name="create",
            task_id="",
            body="targets",
        )
        made.append(task)

    stage.env.process(script())
    stage.settle()

    assert made == [stage.service.tasks[1]]
    assert stage.service.calls[-1].caller == "c"


def test_delete__goes_without_targets(stage):
    """A delete call reaches the service too."""
    client = ApiClient(stage.service, gateway_of(stage), label="c", number=0)
    answers = []

    def script():
        answers.append((yield from client.call(Call.DELETE, stage.service.tasks[0].task_id)))

    stage.env.process(script())
    stage.settle()

    assert answers[0].error.code == "IOTDA.014283"
