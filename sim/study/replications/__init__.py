"""How sure a number is: the same scenario under many draws."""
