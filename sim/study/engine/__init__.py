"""What every study needs: points, units of work, who does them, and the folder they lie in."""
