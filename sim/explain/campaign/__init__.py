"""What limits a campaign: which limit or wait, and which lever would help most.

Decisions:
- *What helps is tried, not read off.* Where the time went tells what devices wait for, but not what would
  come next: twice the bandwidth saves nothing if the places run out at once. So the campaign is run again
  under the same draws, once for each lever, and what a lever saves is what it is worth.
- *One number compares levers of any kind*: the mean time until a device is upgraded, over all devices, those
  that are not counting as upgraded at twice the run's length. A makespan would be decided by one device, a
  share upgraded by the end says nothing of a campaign that is merely slow.
- *Capacities are doubled, waits are taken away.* Twice is a step that can be bought; half a window is not.
"""

from sim.explain.campaign.findings import Eased
from sim.explain.campaign.pulling import Limits, limits

__all__ = ["Eased", "Limits", "limits"]
