"""How studies are shown: tables and phrases, axes and colours, and what all their answers can do."""
