"""Scenario files: what may stand in one, and how it is read, checked, changed and described.

Decisions:
- *YAML 1.2*, instead of TOML or YAML 1.1: fleets are nested lists, which TOML writes badly, and
  YAML 1.1 reads `22:00` as 1320 and `no` as false. Values are made from composed nodes, instead of by a
  loader, so that each has a line and column and every duplicate key is found.
- *Models of pydantic, frozen, with the names of the file*, instead of hand-written checks: one
  declaration gives the check, the type and the JSON Schema with its descriptions.
- *Every value is a plain number in SI units*, instead of quantity objects: the unit stands in the
  field's description, and the planes get what they need without conversion.
- *All problems at once*, instead of the first: what is good in a faulty file is checked further
  (`sim.scenario.section`), and no complaint is built on a value that was refused.
- *Rules stand beside the fields they bind*; only what binds several sections is in
  `sim.scenario.checks`. What is allowed but hardly meant is a warning, in `sim.scenario.warnings`.
- *Other values for the same scenario go through the written form* (`with_values`) and are checked again,
  instead of copying models with changed fields, which no check would see.
- *Nothing heavy is imported*: checking a file must not wait for numpy.
"""

from sim.scenario.editing.edit import parse_value
from sim.scenario.inventory.inventory import Inventory
from sim.scenario.memory import check_memory, memory_problem
from sim.scenario.metrics import METRICS, MetricKind
from sim.scenario.model import Run
from sim.scenario.scenario import Scenario, ScenarioLike, load_scenario, make_scenario, parse_scenario
from sim.scenario.schema import grain_of, scenario_schema
from sim.scenario.sections.campaign import Begin, Campaign, Gate, Limits, Package, TaskPolicy, Wave, WhatIf
from sim.scenario.sections.drawn_time import DrawnTime
from sim.scenario.sections.expectation import Expectation, parse_expectation
from sim.scenario.sections.failures import Cause
from sim.scenario.sections.fleet import Cell, Cohort, Fleet, NamedSite, Site
from sim.scenario.sections.online import Online
from sim.scenario.sections.operators import Only, Operator, OperatorBackOff, When
from sim.scenario.sections.outages import Effect, Outage
from sim.scenario.sections.platform import Api, Platform
from sim.scenario.sections.stages import StageTimes
from sim.scenario.sections.window import Window

__all__ = [
    "METRICS",
    "Api",
    "Begin",
    "Campaign",
    "Cause",
    "Cell",
    "Cohort",
    "DrawnTime",
    "Effect",
    "Expectation",
    "Fleet",
    "Gate",
    "Inventory",
    "Limits",
    "MetricKind",
    "NamedSite",
    "Online",
    "Only",
    "Operator",
    "OperatorBackOff",
    "Outage",
    "Package",
    "Platform",
    "Run",
    "Scenario",
    "ScenarioLike",
    "Site",
    "StageTimes",
    "TaskPolicy",
    "Wave",
    "WhatIf",
    "When",
    "Window",
    "check_memory",
    "grain_of",
    "load_scenario",
    "make_scenario",
    "memory_problem",
    "parse_expectation",
    "parse_scenario",
    "parse_value",
    "scenario_schema",
]
