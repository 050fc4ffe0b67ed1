"""What the emulator tells of devices themselves, beside their subtasks: the registry that a platform keeps.

Decisions:
    *The simulated link decides who is online*, instead of a share drawn for the answer: whoever is shown
    offline is the one whom a task would have to wait for, and until the same microsecond. The links are
    worked out here from the fleet's tables, by the arithmetic of the readable plane, so that a registry can
    be read before there is any task, without a device plane and without a compiler.

    *A read changes nothing*: what is remembered here only saves time, and no digest sees it.

    *What devices run, and who is out of reach for ever, is asked of the plane*, which alone knows what an
    attempt has left behind (`memories`); a device that never was in a task is as its draws make it.

    *All that the model has no word for is invented in one place* (`registry`): product ids, when a device
    was registered, the name of the version before ours. The page on the emulator lists it.
"""
