"""A Salesforce org to run against: the platform's own rules, over HTTP, with faults on demand.

```
HTTP      app (REST) · login (OAuth) · admin (the back door /__sim__) · page.html (look at it)
calls     rest (the routes) · record_calls · collection_calls · composite · query_calls · job_calls
rules     objects (the schema, as data) · fieldtypes · rules · links · triggers · dml (one row)
state     org · records (tables, undo) · history (the judge) · callcount · settings · contention
faults    faultkinds (what can go wrong, as data) · faults (whom it hits) · spoil (ruined answers)
queries   soql (parser) · search (over the records) · cursors      bulk   jobs · bulk
start     server (in a test's own loop) · process (in one of its own) · __main__ · keys
```
`python -m sandbox.salesforce` runs it; `GET /__sim__/summary` says whether a run was clean.
"""
