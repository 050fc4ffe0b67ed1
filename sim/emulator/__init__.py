"""The vendor's batch-task API over a simulated fleet on a virtual clock.

Decisions:
    *The service of the simulated campaign behind every route*, instead of a second model of the API: a
    route translates, `sim.rules` decides, `sim.campaign` keeps the tasks. A test plays one sequence of
    calls both ways and compares every answer.

    *Nothing runs between requests*, instead of a simulation in the background: a request lets time pass
    up to what the virtual clock shows, then acts. So a day passes while one request is answered, and the
    same requests at the same simulated times always have the same answers.

    *The journal is the state*, instead of a database of tasks: accepted commands with their simulated
    times, replayed at the next start. It is small, it can be turned into a scenario, and what it leads
    to is checked by a fingerprint a command and a digest in the end.

    *One thread acts, another one commits*, instead of locks: commands take effect one after another on
    the event loop, the disk takes all that gathered during the last commit, and no answer leaves before
    the commit of everything that it could tell. If a commit fails, the world is made anew from the
    journal, as after a crash.

    *Raw ASGI before the framework*, instead of its middleware and parameters: a signature covers raw
    bytes, refusals have the vendor's form down to the 404, and most of a call's time would otherwise go
    into what the framework does with parameters.

    *A stranger is refused before he costs anything*, instead of after a whole request: a token is compared
    before the body is read, and where a signature covers the body, two large ones are read at once. What
    comes before the application (heads without end, requests that never end, connections without number)
    is bounded at the connection.

    *A request that asks for another protocol is read again without that*, instead of being refused: Java's
    client asks with every request. The parser takes the body for the other protocol's then, and no body
    means every target.

    *States that last are commands*, instead of faults on the way: the world must be the same at a replay.

    *FastAPI as the router and for the paths of its document*, instead of Starlette's routes, which it is
    made of: its parameters are bypassed, so Starlette and a small maker of paths would do, and a start
    would load a sixth of a second less. The routes would all change for that.

    *Each side of an operation has one module*, so that few modules change for a new one: its form in
    `schemas`, its route in `http`, what it does in the service. A query needs `schemas`, its routes and
    `sim.campaign.service.queries`; another call upon a task `sim.rules.states`, `sim.rules.calls`,
    `sim.campaign.service.service` and `http.task_routes`; any other command `schemas`, its routes,
    `journal.commands` and what it changes. Bodies as they came stay here (`World.bodies`), instead of
    riding in the service's tasks; the service refuses, and here only what it can't see: an absent field,
    a package, a group.

    *No request waits for the compiler.* As long as kernels are not in the cache, another process compiles
    them (`background_compiler`), fleets of up to 2,000 devices are served by the SimPy plane, and calls that
    need a larger one are refused with 503 and Retry-After; whatever needs no fleet is answered. Refusing
    alone would make every script fail for half a minute in a container that begins with an empty cache, and
    the SimPy plane alone would keep everybody waiting for seconds where a fleet is large.

    *A kept state as a short cut*, instead of a replay of everything or of a state that counts: it is
    checked against the journal's chain and its own digest, and left aside if anything does not fit.
"""
