"""`fleetsim bench`."""

from sim.cli import main
from sim.cli.outcome import ExitCode


def test_bench__prints_a_line_a_measurement(capsys):
    """Both planes stand side by side, with their ratio, then costs by what is shared."""
    assert main(["bench", "--planes-devices", "100", "--devices", "1000", "--repeats", "1"]) == ExitCode.DONE

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 * 3 + 3 * 3 + 1
    assert any("SimPy plane / compiled plane, places" in line for line in lines)
    assert all(float(line.split()[0].replace(",", "")) > 0 for line in lines)
