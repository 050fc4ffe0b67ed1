"""Stays: where they begin and end, and how they go on after a kill."""

from sim.recording.sightings import COARSE_MS, PageTime, Sightings


def at(ms):
    """Return a look at an instant."""
    return PageTime(ms, ms)


def test_see__a_change_lies_between_two_looks():
    """A device seen in a state and then in another has one row a stay, and the change has two ends."""
    seen = Sightings("t", 1_000)
    for ms, status in ((2_000, "Waitting"), (3_000, "Waitting"), (5_000, "Processing")):
        seen.see("a", status, at(ms))

    rows = seen.take_rows()

    assert [(row["status"], row["gone_before"], row["seen_from"], row["seen_to"]) for row in rows] == [
        ("Waitting", 1_000, 2_000, 2_000),
        ("Waitting", 1_000, 2_000, 3_000),
        ("Processing", 3_000, 5_000, 5_000),
    ]
    assert seen.counts["Processing"] == 1
    assert seen.counts["Waitting"] == 0


def test_see__another_code_is_another_stay():
    """Failing twice in a row with different codes is two failed attempts."""
    seen = Sightings("t", 0)
    seen.see("a", "FailWaitRetry", at(10), error_code="2", error_msg="x")
    assert seen.see("a", "FailWaitRetry", at(20), error_code="10", error_msg="y")
    assert not seen.see("a", "FailWaitRetry", at(30), error_code="10", error_msg="y")


def test_see__a_look_has_a_span():
    """A stay began by the latest time of its first look and lasted to the earliest of its last."""
    seen = Sightings("t", 0)
    seen.see("a", "Processing", PageTime(1_000, 3_000))
    seen.see("a", "Success", PageTime(9_000, 11_000))

    first, last = seen.take_rows()

    assert (first["seen_from"], first["seen_to"]) == (3_000, 3_000)
    assert (last["gone_before"], last["seen_from"]) == (1_000, 11_000)


def test_restore__intervals_are_only_wider():
    """After a kill the stays go on from the last sweep that was stored as a whole."""
    whole, killed = Sightings("t", 0), Sightings("t", 0)
    whole.see("a", "Processing", at(10_000))
    killed.restore(whole.take_rows(), swept_from_ms=None)
    assert killed.stays["a"].until == 10_000 - COARSE_MS
    killed.restore([], swept_from_ms=9_500)
    whole.see("a", "Success", at(20_000))
    killed.see("a", "Success", at(20_000))

    (*_, exact), (*_, wider) = whole.take_rows(), killed.take_rows()

    assert wider["gone_before"] == 9_500 <= exact["gone_before"]
    assert wider["seen_from"] == exact["seen_from"]


def test_take_rows__the_last_ones_tell_how_long_stays_were_seen():
    """At the end each stay that goes on has its last look."""
    seen = Sightings("t", 0)
    seen.see("a", "Processing", at(10))
    seen.take_rows()
    seen.see("a", "Processing", at(20))

    assert seen.take_rows() == []
    assert [row["seen_to"] for row in seen.take_rows(is_last=True)] == [20]
    assert seen.take_rows(is_last=True) == []
