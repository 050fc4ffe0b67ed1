"""What people see: figures, and a report in one file.

Decisions:
- *The report is made from the files of a run*, instead of from the run in memory: a folder that was
  mailed, or written by a cluster, can be reported on, and `run --report` can't show anything else.
- *Aggregates only.* A page holds some thousand numbers at any size of fleet; whoever wants a device opens
  the tables, or asks `fleetsim explain`. Nothing is computed here that `sim.results` does not compute.
- *Vega-Lite, written with Altair, inside the page*, instead of pictures: values on hover, a cohort filter
  and a linear or logarithmic time axis cost 0.6 MB. The page forbids itself every request by its content
  security policy, so that it can't ask for anything even by mistake.
- *Figures for papers and notebooks are matplotlib's* (`sim.report.figures`), instead of pictures of the
  page: they are byte-stable and take `ax=`.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.report.page import check_extra as check_extra
    from sim.report.page import report_html as report_html
    from sim.report.page import write_report as write_report

__all__ = ["check_extra", "report_html", "write_report"]


def __getattr__(name: str) -> object:
    """Import the page's module at the first use: figures don't need the packages of the extra."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from sim.report import page

    return getattr(page, name)
