"""Checking a scenario must not wait for numerical packages."""

import subprocess
import sys

HEAVY = ("numpy", "numba", "pandas", "scipy", "matplotlib", "pyarrow", "simpy", "pint")


def test_import__nothing_heavy(city_text: str) -> None:
    """Reading, checking, warning and describing import none of the heavy packages."""
    program = (
        "import sys\n"
        "from sim.scenario import parse_scenario, scenario_schema, check_memory\n"
        "scenario = parse_scenario(sys.stdin.read())\n"
        "scenario.warnings(), scenario.digest, check_memory(scenario), scenario_schema()\n"
        "scenario.with_values({'run.seed': 1}).source_text\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input=city_text, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
