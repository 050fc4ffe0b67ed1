"""Keyed random numbers, word for word against NumPy's own Philox."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sim.fleet.model import purposes
from sim.fleet.model.draws import philox, to_uniform, two_blocks, uniform, uniforms
from sim.rules import Stage

WORD = st.integers(0, 2**64 - 1)
SEED, REPLICATION = np.uint64(7), np.uint64(3)


def numpy_philox(key: tuple[int, int], counter: int) -> list[int]:
    """Return NumPy's four words at a counter; it adds 1 before its first block."""
    before = (counter - 1) % 2**256
    words = [before >> 64 * i & 2**64 - 1 for i in range(4)]
    generator = np.random.Philox(key=np.array(key, np.uint64), counter=np.array(words, np.uint64))
    return [int(word) for word in generator.random_raw(4)]


@given(key=st.tuples(WORD, WORD), counter=st.tuples(WORD, WORD, WORD, WORD))
def test_philox__equals_numpy(key, counter):
    """All four words are NumPy's, at any key and counter, carries between counter words included."""
    ours = philox(*(np.uint64(word) for word in (*key, *counter)))
    flat = sum(word << 64 * i for i, word in enumerate(counter))
    assert [int(word) for word in ours] == numpy_philox(key, flat)


@pytest.mark.parametrize("counter", [(0, 0, 0, 0), (2**64 - 1, 2**64 - 1, 0, 0), (2**64 - 1,) * 4])
def test_philox__equals_numpy_at_the_carries(counter):
    """The counters at which NumPy carries from word to word are no exception."""
    ours = philox(*(np.uint64(word) for word in (1, 2, *counter)))
    flat = sum(word << 64 * i for i, word in enumerate(counter))
    assert [int(word) for word in ours] == numpy_philox((1, 2), flat)


@given(device=st.integers(0, 2**31 - 1), attempt=st.integers(0, 500), purpose=st.integers(0, 90))
def test_uniform__is_a_word_of_its_own_block(device, attempt, purpose):
    """A purpose is word `purpose % 4` of block `purpose // 4` under the counter (device, attempt, block)."""
    block, word = divmod(purpose, 4)
    words = numpy_philox((7, 3), device + (attempt << 64) + (block << 128))
    assert uniform(SEED, REPLICATION, device, attempt, purpose) == to_uniform(np.uint64(words[word]))
    assert uniforms(SEED, REPLICATION, device, attempt, block)[word] == to_uniform(np.uint64(words[word]))


PLACE = st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 500), st.integers(0, 20))


@given(one=PLACE, other=PLACE)
def test_two_blocks__are_those_of_each(one, other):
    """Two blocks that are drawn together are what each is alone."""
    assert two_blocks(SEED, REPLICATION, one, other) == (
        uniforms(SEED, REPLICATION, *one),
        uniforms(SEED, REPLICATION, *other),
    )


@given(word=WORD)
def test_to_uniform__is_the_upper_52_bits(word):
    """The double is the middle of the word's interval among 2**52 equal ones, exactly."""
    assert to_uniform(np.uint64(word)) * 2**53 == 2 * (word >> 12) + 1


@pytest.mark.parametrize("word", [0, 1, 2**63, 2**64 - 2**12, 2**64 - 1])
def test_to_uniform__excludes_both_ends(word):
    """No word gives 0 or 1: the logarithm of a draw and of its complement are finite."""
    assert 0.0 < to_uniform(np.uint64(word)) < 1.0


def test_purposes__keep_their_numbers():
    """The numbers of the purposes are part of every stored digest, so they may only be added to."""
    once = ["D_CURRENT", "D_COVERAGE", "D_SPREAD", "D_ROLLOUT", "D_PERMANENT"]
    attempt = [
        "P_ONLINE",
        "P_OFFLINE_TIME",
        "P_QUERY_TIME",
        "P_QUERY_CAUSE",
        "P_DOWNLOAD_CAUSE",
        "P_FRACTION",
        "P_VERIFY_TIME",
        "P_VERIFY_CAUSE",
        "P_INSTALL_TIME",
        "P_INSTALL_CAUSE",
        "P_REBOOT_TIME",
        "P_REBOOT_CAUSE",
        "P_COVERAGE_TIME",
        "P_COVERAGE_CAUSE",
        "P_CONTACT_CAUSE",
        "P_OUTAGE_RISK",
        "P_JITTER",
    ]
    assert [getattr(purposes, name) for name in once] == list(range(5))
    assert [getattr(purposes, name) for name in attempt] == list(range(17))


def test_stage_purposes__every_stage_has_its_own():
    """No stage is missing from the table, and no two draws of an attempt share a uniform."""
    of_stages = [one for of in purposes.STAGE_PURPOSES.values() for one in of if one is not None]
    others = [purposes.P_ONLINE, purposes.P_OFFLINE_TIME, purposes.P_FRACTION]
    others += [purposes.P_OUTAGE_RISK, purposes.P_JITTER]
    assert list(purposes.STAGE_PURPOSES) == list(Stage)
    assert len({*of_stages, *others}) == len(of_stages) + len(others)


def test_last_of_attempt__nothing_lies_beyond():
    """Whoever draws up to the last purpose of an attempt has drawn for each but those of breaks."""
    of_attempts = {name: value for name, value in vars(purposes).items() if name.startswith("P_")}
    assert of_attempts.pop("P_BREAK") > purposes.LAST_OF_ATTEMPT
    assert max(of_attempts.values()) == purposes.LAST_OF_ATTEMPT


@pytest.mark.parametrize("purpose", [0, 1, 2, 3, 16])
def test_uniform__is_uniform_over_devices(purpose):
    """Over 20,000 devices the draws fit the uniform distribution (KS, p above 0.1 %, fixed seed)."""
    u = [uniform(SEED, REPLICATION, device, 1, purpose) for device in range(20_000)]
    assert stats.kstest(u, "uniform").pvalue > 1e-3


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((SEED, REPLICATION, 0, 1, 0), (SEED, REPLICATION, 1, 1, 0)),
        ((SEED, REPLICATION, 0, 1, 0), (SEED, REPLICATION, 0, 2, 0)),
        ((SEED, REPLICATION, 0, 1, 0), (SEED, REPLICATION, 0, 1, 1)),
        ((SEED, REPLICATION, 0, 1, 0), (SEED, REPLICATION, 0, 1, 4)),
        ((SEED, REPLICATION, 0, 1, 0), (SEED + np.uint64(1), REPLICATION, 0, 1, 0)),
        ((SEED, REPLICATION, 0, 1, 0), (SEED, REPLICATION + np.uint64(1), 0, 1, 0)),
    ],
    ids=["device", "attempt", "word", "block", "seed", "replication"],
)
def test_uniform__neighbours_are_uncorrelated(first, second):
    """Draws that differ in one part of the key don't move together (|r| < 4 / sqrt(n), fixed seed)."""
    n = 10_000
    pairs = np.array(
        [
            [uniform(seed, replication, 2 * i + device, attempt, purpose) for i in range(n)]
            for seed, replication, device, attempt, purpose in (first, second)
        ]
    )
    assert abs(np.corrcoef(pairs)[0, 1]) < 4.0 / np.sqrt(n)
