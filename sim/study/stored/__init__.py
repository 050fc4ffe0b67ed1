"""What folders hold, as answers: results with all that a result can do, studies as their tables and figure.

Decision: a study is read as its tables, instead of being made again from its units. The question (fields,
goals, metrics) is not in its folder; asking it again with the same folder takes a moment, because every run
is there.
"""
