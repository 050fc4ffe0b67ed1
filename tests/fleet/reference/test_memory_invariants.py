"""Whatever devices remember, the books of random fleets add up: bytes held and bytes sent."""

import numpy as np
from fleet.make_spec import make_spec
from fleet.planes import calls, fleets, play, policies
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.fleet.reference import SimpyFleet
from sim.rules import Reason, SubtaskState


@settings(max_examples=60)
@given(fleets(), policies, st.integers(1, 2), calls)
def test_memory__adds_up(arguments, policy, n_tasks, script):
    """No attempt holds or brings more than its package; who resumes never gets a byte of one twice."""
    spec = make_spec(**arguments)
    fleet = SimpyFleet(spec, log_attempts=True, n_groups=n_tasks)
    play(fleet, policy, n_tasks, script)
    log, records = fleet.attempt_log(), fleet.records()
    own = spec.cohorts.package_bytes[spec.cohort]
    whole = max(int(own.max()) + 7, 5_000)
    resumes = spec.cohorts.resume[spec.cohort[log.device]]
    assert (log.held[~resumes] == 0).all()
    assert (log.held >= 0).all()
    assert (log.bytes >= 0).all()
    assert (log.held + log.bytes <= whole).all()
    assert ((log.entered >= 0) | (log.bytes == 0)).all()
    assert ((log.download_start >= 0) == (log.download_end >= 0)).all()
    assert (log.download_end <= log.end).all()
    assert (log.reason[log.status == SubtaskState.SUCCESS] == Reason.NONE).all()
    if "task" not in {call for _, call, _ in script}:  # a new task takes the record of the one before
        sent = np.bincount(log.device, log.bytes, len(spec.cohort))
        ended = ~np.isin(records.status, [SubtaskState.PROCESSING])
        np.testing.assert_array_equal(records.bytes[ended], sent[ended])
        kept = resumes & (log.status == SubtaskState.SUCCESS) & (log.entered >= 0)
        assert (log.held[kept] + log.bytes[kept] == own[log.device[kept]]).all()
