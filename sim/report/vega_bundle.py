"""The JavaScript that draws the charts, as one text: vega-embed, out of vl-convert.

Bundling takes two seconds, and the answer depends on nothing but the version of the package, so it is
kept in the user's cache folder. A cache that can't be read or written costs time and nothing else.
"""

from __future__ import annotations

from contextlib import suppress
from importlib.metadata import version
from typing import Final
from zlib import crc32

from platformdirs import user_cache_path

from sim.atomic_files import write_whole

_SNIPPET: Final = "window.vegaEmbed = vegaEmbed;"
_END: Final = "\n// whole"


def javascript() -> str:
    """Return the source of vega-embed, with Vega and Vega-Lite in it; it sets `window.vegaEmbed`."""
    import vl_convert

    name = f"charts-{version('vl-convert-python')}-{crc32(_SNIPPET.encode()):08x}.js"
    path = user_cache_path("fleetsim") / name
    with suppress(OSError, UnicodeDecodeError):
        text = path.read_text(encoding="utf-8")
        if text.endswith(_END):
            return text
    text = vl_convert.javascript_bundle(_SNIPPET) + _END
    # The page closes its script at the first such text, wherever it stands.
    assert "</script" not in text.lower()
    with suppress(OSError):
        write_whole(path, text, make_folder=True)
    return text
