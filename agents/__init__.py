"""Working on events: mapping them, and writing them to Salesforce.

The road of one batch: `sync` (the one Faust agent) → `handler` (decides, never raises) → `mapping`
→ `dispatch` (packs rows into calls, through `pacing`, to `salesforce`) → `route` (awaits every
publish) → the offset may be committed.
"""
