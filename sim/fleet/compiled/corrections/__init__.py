"""Accounts of time that come otherwise than planned (`sim.fleet.compiled.accounts`).

`take_back` takes back what is booked beyond a tick, `readout` answers where the time has gone by now.
"""
