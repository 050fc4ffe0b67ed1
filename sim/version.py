"""The version of the program: it stands here and nowhere else, and the build reads it from this file.

Decision: a module of its own at the bottom, instead of the package's façade: what writes the version into
files must not import from above itself.
"""

__version__ = "0.1.0"
