"""jsforce, which knows real orgs and nothing of us, gets along with the simulated one.

One run of `tests/jsforce/client.mjs` does everything; the tests read what it saw.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import jwt
import pytest

from sandbox.salesforce.process import running_org

SCRIPTS = Path(__file__).resolve().parents[1] / "jsforce"
INSTALL_SECONDS = 90
RUN_SECONDS = 60

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def installed(request: pytest.FixtureRequest) -> Path:
    """A folder with the script and jsforce, kept between runs in pytest's own cache."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed: jsforce needs Node 20 or newer")
    folder = Path(request.config.cache.mkdir("jsforce"))
    for name in ("package.json", "package-lock.json", "client.mjs"):
        shutil.copy(SCRIPTS / name, folder / name)
    if not (folder / "node_modules" / "jsforce").exists():
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        npm = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
        if npm.returncode != 0:
            shutil.rmtree(folder / "node_modules", ignore_errors=True)
            pytest.skip(f"npm could not install jsforce: {npm.stderr.strip()[-300:]}")
    return folder


@pytest.fixture(scope="module")
def seen(installed: Path, org_keys: Path) -> Any:
    """What jsforce saw of a fresh org."""
    with running_org("--generate-key", str(org_keys)) as org:
        claims = {
            "iss": org.consumer_key,
            "sub": org.username,
            "aud": org.url,
            "exp": int(time.time()) + 120,
        }
        assertion = jwt.encode(claims, Path(str(org.private_key_path)).read_text(), "RS256")
        given = {
            "url": org.url,
            "consumerKey": org.consumer_key,
            "clientSecret": org.client_secret,
            "assertion": assertion,
        }
        node = subprocess.run(
            ["node", "client.mjs", json.dumps(given)],
            cwd=installed,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        assert node.returncode == 0, node.stderr
        return json.loads(node.stdout) | {"url": org.url}


def test_it_logs_in_by_assertion_and_by_client_credentials(seen):
    assert seen["instanceUrl"] == seen["url"]
    assert seen["credentialsToken"] is True
    assert seen["identity"]["organization_id"].startswith("00D")


def test_it_upserts_450_rows_in_three_collections_and_reads_each_result(seen):
    results = seen["upserted"]
    assert len(results) == 450
    assert [i for i, result in enumerate(results) if not result["success"]] == [7]
    assert results[7]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"


def test_it_upserts_one_record_and_links_a_child_to_its_parent(seen):
    assert seen["single"]["success"] is True
    assert seen["single"]["created"] is False
    assert seen["child"][0]["created"] is True
    (record,) = seen["query"]["records"]
    assert record["Account"]["Name"] == "Changed"


def test_it_follows_the_pages_of_a_query(seen):
    assert seen["allNames"] == 449


def test_it_describes_retrieves_and_deletes(seen):
    assert (seen["described"]["externalId"], seen["described"]["unique"]) == (True, True)
    assert seen["retrieved"]["Name"] == "Changed"
    assert seen["destroyed"][0]["success"] is True


def test_it_reads_the_days_usage_from_the_header(seen):
    assert seen["limitInfo"]["apiUsage"]["limit"] == 100_000
    assert seen["limitInfo"]["apiUsage"]["used"] > 0


def test_it_meets_300_and_400_as_it_knows_them(seen):
    assert seen["twins"]["errorCode"] == "MULTIPLE_CHOICES"
    assert len(seen["twins"]["data"]) == 2
    assert seen["badField"]["errorCode"] == "INVALID_FIELD"


def test_it_loads_in_bulk_and_reads_the_failures_back(seen):
    assert (seen["bulk"]["successful"], seen["bulk"]["unprocessed"]) == (1, 0)
    (error,) = seen["bulk"]["failed"]
    assert error.startswith("REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name")


def test_it_refreshes_once_on_401_and_its_write_goes_through(seen):
    assert seen["refreshes"] == 1
    assert seen["afterRefresh"][0]["success"] is True
    assert seen["afterRefresh"][0]["created"] is False


def test_it_meets_the_spent_quota_as_a_403(seen):
    assert seen["quota"]["errorCode"] == "REQUEST_LIMIT_EXCEEDED"
    assert seen["quota"]["message"] == "TotalRequests Limit exceeded."
