"""What a fit writes: the template with other numbers, and a file with all that is known of them.

Decisions:

- *Numbers are replaced where they stand in the text*, instead of loading and dumping the file: comments,
  order, anchors and spelling stay to the letter, since nothing else is touched.
- *Draws stand in a file of their own*, instead of in the scenario: they are hundreds, and belong together.
"""
