"""Shorter ways to write a scenario, and what each stands for.

Decision: what is short is written out before anything is checked, instead of letting every reader of a
scenario know about patterns, labels, templates and dates. So nothing below the scenario changes, equal
scenarios have equal digests however they are written, and what is complained of is told at the place in the
file where it stands (`Source.written`). Other values for a scenario are put in before it is written out, so
a pattern is matched, and a date is counted, anew.
"""
