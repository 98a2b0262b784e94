"""One revision for each change of the schema.

`NNNN_from_MMMM` where the code that needs version MMMM, and all after it, goes on working with the
new schema: replicas of it run on, and may be started again, while others are replaced. Such a
migration adds tables, indexes, and columns that are nullable or have a default; it takes nothing
away and gives nothing another meaning. `NNNN` alone where that is not so: every older process has
to be stopped before.

What an older process could not judge makes the view of the gate too old to decide, so the first
release that reads something is one before the first that writes it.
"""
