"""Where the compiled plane keeps what it knows: tables, registers, their growth, access to memory.

Decision: what an event reads and writes together is one record (`tables`), instead of an array a number: a
kernel is given few arrays, and a line of code names a row once. Columns of their own stay

- the results (`TargetRecords`): Python reads them by column, of millions of devices;
- the fleet (`sim.fleet.spec`): the readable plane and Python read it by column, and kernels never write it;
- what is of one number only, as `cell` and `failed_at`.

The curve's rows are records although its readers copy columns: a row is written at once, and read once a run.
"""
