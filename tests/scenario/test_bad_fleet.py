"""What is refused in `fleet`."""

from collections.abc import Callable

import pytest

COUNT = "a whole number from 1 to 2147483647"
NEEDS_RATE = (
    "write a number and a unit, like '8 Mbit/s' (units: bit/s, kbit/s, Mbit/s, Gbit/s, B/s, kB/"
    "s, MB/s, GB/s, KiB/s, MiB/s, GiB/s)"
)

CASES: list[tuple[str, str, list[str]]] = [
    (
        "a",
        "link_rate: 0 bit/s",
        ["3:59: fleet.cohorts[0].link_rate: '0 bit/s' is not allowed; it must be more than 0"],
    ),
    (
        "a",
        "link_rate: 8",
        ["3:59: fleet.cohorts[0].link_rate: 8 has no unit; " + NEEDS_RATE],
    ),
    (
        "a",
        "online: {fraction: 97 %}",
        [
            (
                "3:48: fleet.cohorts[0].online.mean_offline: is missing; with a fraction below 1 say "
                "how long devices are away, like '3 h'"
            )
        ],
    ),
    (
        "a",
        "online: {fraction: 97 %, mean_offline: 0 s}",
        [
            (
                "3:87: fleet.cohorts[0].online.mean_offline: is 0 s; with a fraction below 1 say how "
                "long devices are away, like '3 h'"
            )
        ],
    ),
    (
        "a",
        "online: {fraction: 97}",
        [("3:67: fleet.cohorts[0].online.fraction: 97 is more than 1 (100 %); did you mean '97 %'?")],
    ),
    (
        "a",
        "online: null",
        [
            (
                "3:56: fleet.cohorts[0].online: is empty; it must be a mapping with the keys "
                "fraction, mean_offline"
            )
        ],
    ),
    (
        "a",
        "already_current: -1 %",
        [
            (
                "3:65: fleet.cohorts[0].already_current: '-1 %' is negative; write a number from 0 to "
                "1, or a percentage like '3 %'"
            )
        ],
    ),
    (
        "a",
        "spread: 11",
        ["3:56: fleet.cohorts[0].spread: 11 is not allowed; a number from 0 to 10"],
    ),
    (
        "a",
        "spread: true",
        ["3:56: fleet.cohorts[0].spread: true is not allowed; a number from 0 to 10"],
    ),
    (
        "a",
        "cell: {devices: 10}",
        [("3:48: fleet.cohorts[0].cell: devices with protocol mqtt share no radio cell; lwm2m only")],
    ),
    (
        "a",
        "window: {opens: 22:00, closes: 22:00}",
        [
            (
                "3:79: fleet.cohorts[0].window.closes: the window closes when it opens; for one that "
                "is always open leave it out"
            )
        ],
    ),
    (
        "a",
        "window: {opens: 25:00, closes: 22:00}",
        [("3:64: fleet.cohorts[0].window.opens: '25:00' is no time of day; write it like \"22:00\" (UTC)")],
    ),
    (
        "a",
        "stages: {coverage: {constant: 1 s}}",
        [
            (
                "3:57: fleet.cohorts[0].stages.coverage: devices with protocol mqtt have no coverage "
                "stage; lwm2m only"
            )
        ],
    ),
    (
        "a",
        "stages: {download: {constant: 1 s}}",
        [
            (
                "3:57: fleet.cohorts[0].stages.download: unknown key 'download'; its time follows "
                "from package.size, link_rate and bandwidth"
            )
        ],
    ),
    (
        "a",
        "stages: {contact: {constant: 1 s}}",
        [
            (
                "3:57: fleet.cohorts[0].stages.contact: unknown key 'contact'; how long contact takes "
                "follows from a cohort's 'online' and 'window'"
            )
        ],
    ),
    (
        "a",
        "stages: {install: 90 s}",
        [
            (
                "3:66: fleet.cohorts[0].stages.install: '90 s' is not allowed; it must be a mapping "
                "with the keys constant, exponential, lognormal, uniform, weibull, quantiles"
            )
        ],
    ),
    (
        "a",
        "failures: [{stage: coverage, code: 2, probability: 1 %}]",
        [
            (
                "3:67: fleet.cohorts[0].failures[0].stage: devices with protocol mqtt have no "
                "coverage stage; lwm2m only"
            )
        ],
    ),
    (
        "a",
        "failures: {stage: install}",
        ["3:48: fleet.cohorts[0].failures: a mapping is not allowed; it must be a list"],
    ),
    (
        "a",
        "timers: {online: 1 h}",
        [
            (
                "3:57: fleet.cohorts[0].timers.online: unknown key 'online'; timers stand below "
                "'mqtt' or 'lwm2m'"
            )
        ],
    ),
    (
        "a",
        "timers: {lwm2m: {online: 1 h}}",
        ["3:57: fleet.cohorts[0].timers.lwm2m: this cohort's protocol is mqtt"],
    ),
    (
        "a",
        "name: b",
        ["3:48: fleet.cohorts[0].name: is given twice, first in line 3"],
    ),
    (
        "a",
        "protocl: x",
        [
            (
                "3:48: fleet.cohorts[0].protocl: unknown key 'protocl'; did you mean 'protocol'? "
                "allowed: name, devices, protocol, link_rate, online, already_current, spread, cell, "
                "window, stages, failures, timers"
            )
        ],
    ),
    (
        "b",
        "cell: {devices: 101}",
        ["4:64: fleet.cohorts[1].cell.devices: 101 are more devices than the cohort has (100)"],
    ),
    (
        "b",
        "cell: {devices: 10, coverage: [80 %, 15 %, 4 %]}",
        [("4:68: fleet.cohorts[1].cell.coverage: the shares add up to 0.99; they must add up to 1")],
    ),
    (
        "b",
        "cell: {devices: 10, coverage: [80 %, 20 %]}",
        ["4:68: fleet.cohorts[1].cell.coverage[2]: has too few values: number 3 is missing"],
    ),
    (
        "b",
        "cell: {devices: 10, coverage: [80 %, 10 %, 5 %, 5 %]}",
        ["4:68: fleet.cohorts[1].cell.coverage: has 4 items; at most 3 allowed"],
    ),
    (
        "b",
        "cell: {devices: 10, coverage: 80 %}",
        ["4:78: fleet.cohorts[1].cell.coverage: '80 %' is not allowed; it must be a list"],
    ),
    (
        "b",
        "timers: {lwm2m: {upgrade: 1 h}}",
        [
            (
                "4:65: fleet.cohorts[1].timers.lwm2m.upgrade: unknown key 'upgrade'; allowed: online, "
                "version, coverage, download, execute"
            )
        ],
    ),
    (
        "devices: 1000, ",
        "",
        [("3:7: fleet.cohorts[0].devices: is missing; required unless fleet.inventory names a CSV file")],
    ),
    (
        "name: b",
        "name: a",
        ["4:14: fleet.cohorts[1].name: 'a' is already the name of cohorts[0]"],
    ),
    (
        "name: b",
        "name: b c",
        [("4:14: fleet.cohorts[1].name: 'b c' is not allowed; 1 to 100 letters, digits, '_' and '-'")],
    ),
    (
        "name: b",
        "name: 7",
        ["4:14: fleet.cohorts[1].name: 7 is no text; put it in quotes"],
    ),
    (
        "devices: 1000",
        "devices: 0",
        ["3:26: fleet.cohorts[0].devices: 0 is not allowed; " + COUNT],
    ),
    (
        "devices: 1000",
        "devices: 10.5",
        ["3:26: fleet.cohorts[0].devices: 10.5 is not allowed; " + COUNT],
    ),
    (
        "devices: 1000",
        'devices: "1000"',
        ["3:26: fleet.cohorts[0].devices: '1000' is not allowed; " + COUNT],
    ),
    (
        "devices: 1000",
        "devices: 2147483647",
        ["2:3: fleet.cohorts: 2147483747 devices in all; at most 2147483647"],
    ),
    (
        "protocol: mqtt",
        "protocol: mqqt",
        [("3:42: fleet.cohorts[0].protocol: unknown word 'mqqt'; did you mean 'mqtt'? allowed: mqtt, lwm2m")],
    ),
    (
        "protocol: mqtt",
        "protocol: 5",
        ["3:42: fleet.cohorts[0].protocol: 5 is not allowed; one of mqtt, lwm2m"],
    ),
    (
        "  cohorts:",
        "  inventory: x.csv\n  cohorts:",
        [
            "2:14: fleet.inventory: there is no file 'x.csv'",
            ("4:17: fleet.cohorts[0].devices: not allowed beside fleet.inventory, which lists the devices"),
            ("5:17: fleet.cohorts[1].devices: not allowed beside fleet.inventory, which lists the devices"),
        ],
    ),
    (
        (
            "  cohorts:\n    - {name: a, devices: 1000, protocol: mqtt}\n"
            "    - {name: b, devices: 100, protocol: lwm2m}"
        ),
        "  cohorts: []",
        ["2:3: fleet.cohorts: has 0 items; at least 1 allowed"],
    ),
]


@pytest.mark.parametrize(("place", "text", "expected"), CASES)
def test_fleet__refuses(
    place: str,
    text: str,
    expected: list[str],
    spoil: Callable[[str, str], str],
    complaints: Callable[[str], list[str]],
) -> None:
    """Each bad value of a cohort is reported at its line and column, with what is allowed."""
    assert complaints(spoil(place, text)) == [f"x.yaml:{line}" for line in expected]
