"""Many runs instead of one.

Decision: speed is measured here and not beside the kernels, since what a user waits for is a whole
campaign. Everything is measured in one process and reported as ratios and costs a device; seconds of
different machines can't be compared.
"""
