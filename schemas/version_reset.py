"""The reset event: an operator has the version of one key forgotten.

It travels like an erasure (`schemas.erasure`): through `salesforce.due`, in the partition of the
key, so that the worker that owns the key learns of it in its turn. The next event of the key is
written whatever its time, and passes the org's own stale rule once (docs/decisions/0018).
"""

from __future__ import annotations

RESET_EVENT = "orderstream_version_reset"
# Of a key whose records have another key by now: nothing is known of it, and nobody overruled.
RENAMED = b'{"why":"renamed"}'
