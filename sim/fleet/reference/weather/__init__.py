"""What comes and goes around a device of the readable plane, whatever the device does: links, conditions.

`timelines` are the ticks at which they change, `residuals` what is left of a period at the start.
"""
