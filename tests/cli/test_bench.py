"""`fleetsim bench`."""

from sim.cli import main
from sim.cli.exit_codes import ExitCode


def test_bench__prints_a_line_a_measurement(capsys):
    """Both planes stand side by side, with their ratio, then costs by what is shared."""
    assert main(["bench", "--planes-devices", "100", "--devices", "1000", "--repeats", "1"]) == ExitCode.DONE

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 * 3 + 3 * 3 + 1
    assert any("SimPy plane / compiled plane, places" in line for line in lines)
    assert all(float(line.split()[0].replace(",", "")) > 0 for line in lines)


def test_bench__draws_how_the_cost_grows(tmp_path, capsys):
    """`--scaling` measures by active devices and by cohorts, and draws both."""
    file = tmp_path / "scaling.png"

    assert main(["bench", "--devices", "300", "--repeats", "1", "--scaling", str(file)]) == ExitCode.DONE

    out = capsys.readouterr().out
    assert "100,000 places" in out
    assert "32 cohorts" in out
    assert file.read_bytes().startswith(b"\x89PNG")


def test_bench__draws_no_other_files(tmp_path, capsys):
    """A name of another kind is refused before anything is measured."""
    file = tmp_path / "scaling.txt"

    assert main(["bench", "--scaling", str(file)]) == ExitCode.BAD_INPUT
    assert "scaling.txt" in capsys.readouterr().err
    assert not file.exists()
