"""The package itself: what importing it costs."""

import subprocess
import sys

HEAVY = ["matplotlib", "numba", "pandas", "pyarrow", "scipy", "simpy"]


def test_import__reading_results_loads_nothing_heavy():
    """Whoever has results needs neither what runs scenarios nor what draws and writes."""
    code = f"import sim.results, sys; print([name for name in {HEAVY} if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
