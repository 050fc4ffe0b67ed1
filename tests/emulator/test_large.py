"""A campaign of a million devices, driven by a script that knows nothing but HTTP."""

import time

import pytest

from support.emulator import PACKAGE_ID, TASKS, ids
from support.server import Client, Server, write_scenario

pytestmark = pytest.mark.slow

N_DEVICES = 1_000_000
N_TASKS = 34
SECONDS_MAX = 60.0
HOUR_S = 3600.0

SCENARIO = {
    "fleet": {
        "cohorts": [
            {"name": "a", "devices": N_DEVICES, "online": {"fraction": "97 %", "mean_offline": "20 min"}},
        ]
    },
    "platform": {"dispatch_rate": "13 /s"},
    "stages": {"query": {"constant": "2 s"}, "install": {"lognormal": {"median": "60 s", "sigma": 0.4}}},
    "failures": [{"stage": "download", "code": 2, "probability": "3 %"}],
}


def test_campaign__a_million_devices_in_25_hours(tmp_path):
    """34 tasks over a day, polled and retried to the end, pass within a minute."""
    scenario = write_scenario(tmp_path, **SCENARIO)
    begin = time.monotonic()
    with Server(str(scenario), "--state", str(tmp_path / "state")) as server, Client(server.port) as client:
        tasks = []
        for first in range(0, N_DEVICES, 30_000):
            body = {
                "task_name": f"part_{len(tasks)}",
                "task_type": "firmwareUpgrade",
                "targets": ids("a", *range(first, min(first + 30_000, N_DEVICES))),
                "task_policy": {"retry_count": 2, "retry_interval": 5},
                "document": {"package_ids": [PACKAGE_ID]},
            }
            status, task = client.call("POST", TASKS, body)
            assert status == 201
            tasks.append(task["task_id"])
        waiting = client.call("GET", f"{TASKS}?task_type=firmwareUpgrade&status=Waitting")[1]
        n_retries = 0
        for task_id in tasks:
            assert client.call("POST", "/_sim/clock/advance", {"until_settled": task_id})[1]["reached"]
            shown = client.call("GET", f"{TASKS}/{task_id}?task_detail_status=Fail&limit=50")[1]
            if shown["page"]["count"]:
                answer = client.call("POST", f"{TASKS}/{task_id}/retry")[1]
                n_retries += len(answer["targets"])
        for task_id in tasks:
            assert client.call("POST", "/_sim/clock/advance", {"until_settled": task_id})[1]["reached"]
        fleet = client.call("GET", "/_sim/fleet")[1]
    took_s = time.monotonic() - begin

    print(f"\n{fleet['now_s'] / HOUR_S:.1f} h in {took_s:.1f} s, {n_retries} devices retried by call")
    assert (len(tasks), waiting["page"]["count"]) == (N_TASKS, N_TASKS - 10)
    assert 24 * HOUR_S < fleet["now_s"] < 26 * HOUR_S
    assert fleet["status"]["Success"] > 0.9999 * N_DEVICES
    assert n_retries > 0
    assert took_s < SECONDS_MAX
