"""What is refused in `platform`, `stages` and `failures`."""

from collections.abc import Callable

import pytest

COUNT = "a whole number from 1 to 2147483647"

CASES: list[tuple[str, str, list[str]]] = [
    (
        "top",
        "platform: {max_processing: 0, dispatch_rate: 0 /s, max_downloads: -1, bandwidth: 1 Gbps}",
        [
            "7:28: platform.max_processing: 0 is not allowed; " + COUNT,
            "7:46: platform.dispatch_rate: '0 /s' is not allowed; it must be more than 0",
            "7:67: platform.max_downloads: -1 is not allowed; " + COUNT,
            (
                "7:82: platform.bandwidth: '1 Gbps': 'Gbps' is no unit of a rate; did you mean "
                "'Gbit/s'? (units: bit/s, kbit/s, Mbit/s, Gbit/s, B/s, kB/s, MB/s, GB/s, KiB/s, "
                "MiB/s, GiB/s)"
            ),
        ],
    ),
    (
        "top",
        "platform: {cell_places: [50, 10]}",
        ["7:12: platform.cell_places[2]: has too few values: number 3 is missing"],
    ),
    (
        "top",
        "platform: {timers: {mqtt: {online: 0 s, download: 3 h}}}",
        [
            "7:36: platform.timers.mqtt.online: '0 s' is not allowed; it must be more than 0",
            (
                "7:41: platform.timers.mqtt.download: unknown key 'download'; allowed: online, "
                "version, upgrade"
            ),
        ],
    ),
    (
        "top",
        "platform: {timers: {online: 3 h}}",
        [("7:21: platform.timers.online: unknown key 'online'; timers stand below 'mqtt' or 'lwm2m'")],
    ),
    (
        "top",
        "platform: {api: {throttle_share: 60 %, error_share: 50 %}}",
        ["7:53: platform.api.error_share: with throttle_share it adds up to 1.1; at most 1"],
    ),
    (
        "top",
        "platform: {bandwith: 1 Gbit/s}",
        [
            (
                "7:12: platform.bandwith: unknown key 'bandwith'; did you mean 'bandwidth'? allowed: "
                "max_processing, dispatch_rate, max_downloads, bandwidth, timers, cell_places, api"
            )
        ],
    ),
    (
        "top",
        "stages: {install: {}}",
        [
            (
                "7:10: stages.install: nothing given; needs exactly one of constant, exponential, "
                "lognormal, uniform, weibull, quantiles"
            )
        ],
    ),
    (
        "top",
        "stages: {install: {constant: 1 s, exponential: {mean: 3 s}}}",
        [
            (
                "7:10: stages.install: constant and exponential given; needs exactly one of constant, "
                "exponential, lognormal, uniform, weibull, quantiles"
            )
        ],
    ),
    (
        "top",
        "stages: {install: {uniform: {low: 3 s, high: 1 s}}}",
        ["7:35: stages.install.uniform.low: is more than 'high'"],
    ),
    (
        "top",
        "stages: {install: {lognormal: {median: 0 s, sigma: -1}}}",
        [
            "7:40: stages.install.lognormal.median: '0 s' is not allowed; it must be more than 0",
            "7:52: stages.install.lognormal.sigma: -1 is not allowed; a number from 0 to 10",
        ],
    ),
    (
        "top",
        "stages: {install: {weibull: {shape: 0, scale: 1 s}}}",
        [("7:37: stages.install.weibull.shape: 0 is not allowed; a number above 0 and at most 100")],
    ),
    (
        "top",
        "stages: {install: {quantiles: [[0 %, 1 s], [50 %, 3 s]]}}",
        [("7:20: stages.install.quantiles: the first pair must be at 0 % and the last one at 100 %")],
    ),
    (
        "top",
        "stages: {install: {quantiles: [[0 %, 4 s], [50 %, 3 s], [50 %, 5 s], [100 %, 6 s]]}}",
        [
            "7:51: stages.install.quantiles[1][1]: the times must not shrink from pair to pair",
            "7:58: stages.install.quantiles[2][0]: the shares must grow from pair to pair",
        ],
    ),
    (
        "top",
        "stages: {install: {quantiles: [[0 %, 4 s]]}}",
        ["7:20: stages.install.quantiles: has 1 item; at least 2 allowed"],
    ),
    (
        "top",
        "stages: {install: {quantiles: [[0 %], 5]}}",
        [
            "7:32: stages.install.quantiles[0][1]: has too few values: number 2 is missing",
            "7:39: stages.install.quantiles[1]: 5 is not allowed; it must be a list",
        ],
    ),
    (
        "top",
        "stages: {instal: {constant: 1 s}}",
        [
            (
                "7:10: stages.instal: unknown key 'instal'; did you mean 'install'? allowed: query, "
                "coverage, verify, install, reboot"
            )
        ],
    ),
    (
        "top",
        "failures: [{stage: install, code: 0, probability: 1 %}]",
        [("7:35: failures[0].code: code 0 means success and is no failure; allowed: 1 to 10 or 255")],
    ),
    (
        "top",
        "failures: [{stage: install, code: 11, probability: 1 %}]",
        ["7:35: failures[0].code: 11 is no result code of a device; allowed: 1 to 10 or 255"],
    ),
    (
        "top",
        "failures: [{stage: install, code: true, probability: 1 %}]",
        ["7:35: failures[0].code: true is no result code of a device; allowed: 1 to 10 or 255"],
    ),
    (
        "top",
        "failures: [{stage: install, code: 255, silent: true, probability: 1 %}]",
        [
            (
                "7:48: failures[0].silent: a silent device reports no code; give one of 'code' and "
                "'silent: true'"
            )
        ],
    ),
    (
        "top",
        "failures: [{stage: install, silent: 1, probability: 1 %}]",
        ["7:37: failures[0].silent: 1 is not allowed; true or false"],
    ),
    (
        "top",
        "failures: [{stage: install, probability: 1 %}]",
        ["7:12: failures[0]: needs a 'code', or 'silent: true' for a device that never reports"],
    ),
    (
        "top",
        "failures: [{stage: install, code: 2}]",
        [
            (
                "7:12: failures[0]: needs a 'probability' (each attempt) or 'permanent' (share of "
                "devices), or both"
            )
        ],
    ),
    (
        "top",
        "failures: [{stage: contact, code: 2, probability: 1 %}]",
        [("7:35: failures[0].code: a device that can't be contacted reports no code; write 'silent: true'")],
    ),
    (
        "top",
        "failures: [{stage: flash, code: 2, probability: 1 %}]",
        [
            (
                "7:20: failures[0].stage: unknown word 'flash'; allowed: contact, query, coverage, "
                "download, verify, install, reboot"
            )
        ],
    ),
    (
        "top",
        (
            "failures: [{stage: install, code: 2, probability: 60 %}, "
            "{stage: install, code: 10, probability: 60 %}, {stage: install, code: 1, probability: 1 %}]"
        ),
        [("7:98: failures[1].probability: the causes of stage 'install' add up to 1.2; at most 1")],
    ),
    (
        "top",
        "failures: [{stage: install, code: 2, probability: 150 %}]",
        ["7:51: failures[0].probability: '150 %' is more than 1 (100 %)"],
    ),
    (
        "top",
        "failures: {}",
        ["7:1: failures: a mapping is not allowed; it must be a list"],
    ),
    (
        "top",
        "failures: [5]",
        [
            (
                "7:12: failures[0]: 5 is not allowed; it must be a mapping with the keys stage, code, "
                "silent, probability, permanent"
            )
        ],
    ),
]


@pytest.mark.parametrize(("place", "text", "expected"), CASES)
def test_attempt__refuses(
    place: str,
    text: str,
    expected: list[str],
    spoil: Callable[[str, str], str],
    complaints: Callable[[str], list[str]],
) -> None:
    """Each bad stage, cause or limit is reported at its line and column, with what is allowed."""
    assert complaints(spoil(place, text)) == [f"x.yaml:{line}" for line in expected]
