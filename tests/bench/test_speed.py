"""What a run may cost: limits on ratios and on costs a device, measured in one run on a quiet machine."""

import subprocess
import sys
import time

import pytest

from sim.campaign import run_campaign
from sim.scenario import load_scenario
from sim.study.bench.speed import bytes_a_device, run_seconds, seconds

pytestmark = pytest.mark.bench

MILLION = 1_000_000


@pytest.fixture(scope="module", autouse=True)
def warm():
    """Compile, or read the cache, before anything is timed."""
    for kind in ("nothing shared", "places", "shared network"):
        run_seconds(1000, kind)


@pytest.mark.parametrize(("kind", "devices"), [("places", 100_000), ("shared network", 20_000)])
def test_planes__the_compiled_one_is_forty_times_as_fast(kind, devices):
    """The compiled plane takes a fortieth of the SimPy plane's time, at the most."""
    ratio = run_seconds(devices, kind, plane="simpy", repeats=1) / run_seconds(devices, kind)
    print(f"SimPy / compiled, {kind}, {devices:,} devices: {ratio:.0f}")
    assert ratio >= 40


@pytest.mark.parametrize(
    ("kind", "limit_ns"), [("nothing shared", 200), ("places", 400), ("shared network", 500)]
)
def test_compiled__cost_of_a_device(kind, limit_ns):
    """At a million devices a device costs no more than this."""
    cost_ns = run_seconds(MILLION, kind, repeats=10) / MILLION * 1e9
    print(f"{kind}: {cost_ns:.0f} ns a device")
    assert cost_ns <= limit_ns


def test_compiled__a_million_devices_with_everything(repository):
    """`million.yaml`, with cells, windows, outages, waves and operators, costs 1.2 us a device."""
    scenario = load_scenario(repository / "scenarios" / "million.yaml")
    cost_ns = seconds(lambda: run_campaign(scenario), 6) / MILLION * 1e9
    print(f"million.yaml: {cost_ns:.0f} ns a device")
    assert cost_ns <= 1200


@pytest.mark.parametrize(("kind", "limit"), [("nothing shared", 64), ("places", 64), ("shared network", 96)])
def test_compiled__memory_of_a_device(kind, limit):
    """Beyond inputs and results a device takes no more bytes than this."""
    cost = bytes_a_device(MILLION, kind)
    print(f"{kind}: {cost:.1f} bytes a device")
    assert cost <= limit


@pytest.mark.parametrize(("kind", "limit"), [("places", 12), ("shared network", 13)])
def test_compiled__ten_million_take_little_more_than_ten_times_a_million(kind, limit):
    """Cost a device hardly grows with the fleet.

    Both sizes take turns, in slow minutes and in quick ones. The large one goes twice: memory that a virtual
    machine has not used for a second may have gone back to its host, and the first run waits to get it again.
    """
    rounds = [
        (run_seconds(10 * MILLION, kind, repeats=2), run_seconds(MILLION, kind, repeats=4)) for _ in range(4)
    ]
    large_s, small_s = (min(times) for times in zip(*rounds, strict=True))
    ratio = large_s / small_s
    print(f"{kind}: 10 M / 1 M = {ratio:.1f}")
    assert ratio <= limit


def test_run__of_ten_thousand_devices_from_python():
    """A small run is over before anybody notices."""
    assert run_seconds(10_000, "places", repeats=5) <= 0.030


def test_run__of_the_quickstart_writes_all_files_in_four_seconds(repository, tmp_path):
    """From the command to the last file, with warm caches."""
    command = [
        sys.executable,
        "-m",
        "sim",
        "run",
        str(repository / "scenarios" / "quickstart.yaml"),
        "--force",
    ]

    def run():
        subprocess.run([*command, "--out", str(tmp_path)], check=True, capture_output=True)

    run()
    took_s = seconds(run, 3)
    print(f"fleetsim run quickstart: {took_s:.1f} s")
    assert (tmp_path / "manifest.json").exists()
    assert took_s <= 4


def test_help__comes_at_once():
    """The command's help needs none of the heavy packages."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "sim", "--help"], check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    assert min(times) <= 0.150
