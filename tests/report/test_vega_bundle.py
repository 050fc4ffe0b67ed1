"""The chart library is bundled once, and a damaged cache is made again."""

import pytest

from sim.report import vega_bundle


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """Put the cache into a folder of its own, and count how often the library is bundled."""
    calls = []
    monkeypatch.setattr(vega_bundle, "user_cache_path", lambda name: tmp_path / name)
    monkeypatch.setattr("vl_convert.javascript_bundle", lambda snippet: calls.append(snippet) or "library")
    return tmp_path / "fleetsim", calls


def test_javascript__is_bundled_once(cache):
    """The second caller gets the first one's text."""
    folder, calls = cache

    assert vega_bundle.javascript() == vega_bundle.javascript() == "library\n// whole"
    assert len(calls) == len(list(folder.iterdir())) == 1


def test_javascript__half_a_file_is_made_again(cache):
    """A cache that was cut off is not used."""
    folder, calls = cache
    vega_bundle.javascript()
    (path,) = folder.iterdir()
    path.write_text("libr")

    assert vega_bundle.javascript() == "library\n// whole"
    assert len(calls) == 2


def test_javascript__needs_no_cache(cache, monkeypatch):
    """Where nothing can be written the text is the same."""
    folder, _ = cache
    folder.parent.joinpath("fleetsim").write_text("a file where the folder should be")

    assert vega_bundle.javascript() == "library\n// whole"
