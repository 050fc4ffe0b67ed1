"""A report costs seconds, whatever the size of the fleet."""

import json
import subprocess
import sys

import pytest

import sim
from sim.report import write_report

pytestmark = pytest.mark.bench

SECONDS_MAX = 3.0
MEGABYTES_MAX = 500.0
MEASURE = """
import json, pathlib, sys, time
begin, cpu = time.perf_counter(), time.process_time()
from sim.report import write_report
path = write_report(sys.argv[1])
# Not getrusage: its peak is inherited from the process that started this one.
status = dict(line.split(":", 1) for line in pathlib.Path("/proc/self/status").read_text().splitlines())
peak = int(status["VmHWM"].split()[0]) / 1024
print(json.dumps([time.process_time() - cpu, time.perf_counter() - begin, peak, path.stat().st_size]))
"""


def test_report__of_a_million_devices(repository, tmp_path):
    """Reading a million devices back, and writing the page, takes less than three seconds and 500 MB.

    Seconds are those of the processor, of all threads, so that a busy machine doesn't fail the test.
    """
    sim.run(repository / "scenarios" / "million.yaml").save(tmp_path / "out")
    write_report(tmp_path / "out")  # the chart library is bundled once a machine
    command = [sys.executable, "-c", MEASURE, str(tmp_path / "out")]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True)
    seconds, wall_s, megabytes, size_bytes = json.loads(done.stdout)
    took = f"{seconds:.2f} s of processor time, {wall_s:.2f} s in all, {megabytes:.0f} MB"
    print(f"report of 1,000,000 devices: {took}, page of {size_bytes / 1e6:.2f} MB")

    assert seconds <= SECONDS_MAX
    assert megabytes <= MEGABYTES_MAX
    assert size_bytes <= 2_000_000
