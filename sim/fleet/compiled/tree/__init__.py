"""A shared network that is a tree: downloads of a site share its line, all sites the platform's egress.

Rates are max-min fair over the tree: a download gets the least of its link's rate, of what is fair on its
site's line, and of what is fair at the platform. All downloads of one cohort at one site, a *line*, have
one rate; lines that would get the same if the platform had no limit are at one *level*, which has one
virtual clock (`sim.fleet.model.network`). A line's own clock is its level's plus a shift, so it goes on
evenly when the line moves to another level, and a download's finish mark never changes.

Decision: levels, instead of a clock for each line. One that begins or ends changes what its own site gets;
whatever the platform's limit does to all others is done to levels, of which there are few even where there
are many sites: with one kind of line as many as a site has devices. Each level has a heap of its lines by
the mark that is next, so an event costs as much as its site has cohorts, a logarithm of the number of
sites, and something for each level.

Decision: a clock for each line all the same where the platform has no limit, or one that all sites' lines
together can't reach (`own_clocks`). Then an event changes one site and nobody else: no line moves anywhere,
and all that sites have in common is a `tournament` for the one whose download is over next. A quarter of the
time of a run of a million devices at 20,000 sites.

Decision: pairing heaps, linked through the lines themselves. Lines move between levels with nearly every
event; a heap that is an array would need room for all lines at each level.

Fleets without such sites run the code they ran before there were any. These functions are called by their
address (`sim.fleet.compiled.memory.cold`), so nobody else waits for them to be compiled.
"""
