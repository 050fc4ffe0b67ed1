"""Which device plane runs, and how its kernels come to be compiled.

Decisions:
- *Nobody waits for the compiler in silence.* Small work runs on the SimPy plane until there are kernels
  (`choice`), instead of compiling for half a minute what then runs for a tenth of a second; larger work
  compiles first, with something to look at (`compilation`, `display`).
- *All kernels or none*: whoever compiles, compiles everything, instead of what this one run needs. It takes
  hardly longer, and the next scenario, which needs others, has them.
- *There* means that a record in the cache says so (`sim.fleet.kernel_files`).
- *Apart from `sim.campaign`*, which reads no clock and writes to nobody.
"""
