"""JSON documents of the commands: what they hold, and the schemas that say so.

Decisions:
- *Schemas are classes of pydantic* (`models`), whose attributes are explained beside them, instead of JSON
  by hand: `fleetsim schema --of NAME` prints what pydantic makes of a class. Tests hold the real document
  of each command against it, and against nothing being left unsaid.
- *Documents are not made from these classes.* An answer's own dictionary is the document; a class that had
  to be filled would be a second format, and pydantic would have to be loaded for each answer.
- *Schemas are open*: a later version may add a key, and a program that knows the schema of an earlier one
  goes on to work.
"""
