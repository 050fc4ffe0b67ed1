"""What both planes share: draws, the functions that turn them into times, the network's shares.

Decision: scalar functions only. Whatever is written here once can't be found wrong by comparing the
planes, so it is held by closed forms instead.
"""
