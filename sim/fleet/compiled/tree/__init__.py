"""A shared network that is a tree: downloads of a site share its line, all sites the platform's egress.

Rates are max-min fair over the tree: a download gets the least of its link's rate, of what is fair on its
site's line, and of what is fair at the platform. All downloads of one cohort at one site, a *line*, have
one rate; lines that would get the same if the platform had no limit are at one *level*, which has one
virtual clock (`sim.fleet.model.network`). A line's own clock is its level's plus a shift, so it goes on
evenly when the line moves to another level, and a download's finish mark never changes.

Decision: levels, instead of a clock for each line. One that begins or ends changes what its own site gets;
whatever the platform's limit does to all others is done to levels, of which there are few where lines are
alike: as many as a site has devices. Each level has a heap of its lines by the mark that is next.

Decision: levels that the platform limits share a clock, and those that it doesn't have what their lines give,
whoever else comes or goes. So an event sets one rate for all of the former and none of the latter, even where
no two lines are alike and each is a level; they lie in a `search_tree`, in which the split is one path. An
event costs as much as its site has cohorts, a logarithm of the number of levels, and one more for each level
that comes to be limited or ceases to be: those between what the limit left to everybody before and what it
leaves now. That bound is as bad as all levels, if theirs lie within the share of one download; where they are
spread out it is about one, since the more downloads are limited, the less one more of them takes from each.

Decision: a clock for each line all the same where the platform has no limit, or one that all sites' lines
together can't reach (`own_clocks`). Then an event changes one site and nobody else: no line moves anywhere,
and all that sites have in common is a `tournament` for the one whose download is over next. A quarter of the
time of a run of a million devices at 20,000 sites.

Decision: pairing heaps, linked through the lines themselves. Lines move between levels with nearly every
event; a heap that is an array would need room for all lines at each level.

Fleets without such sites run the code they ran before there were any. These functions are called by their
address (`sim.fleet.compiled.memory.cold`), so nobody else waits for them to be compiled.
"""
