"""Tables and figures of the papers, measured anew and written into ``docs/``; one module a page and its parts."""
