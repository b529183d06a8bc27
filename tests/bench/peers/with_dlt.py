"""The tickets through dlt in its ordinary manner: a resource with a cursor that is merged by its key.

Reads the variables that `deskhouse sandbox` prints, and DATABASE_URL: `sqlite:PATH` or `postgres://...`. The `rest_api`
source cannot page through this search: it moves on by offset or by time, and here an offset ends at 5,000 rows.
"""

import json
import os
from datetime import datetime, timezone

# Read when dlt is imported; what is set later comes too late. Nothing but the portal is to be talked to, and the log
# would warn of many rows of one second and of fields that are empty in all of them, which is as it should be.
os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR"}

import dlt
from dlt.sources.helpers import requests
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.auth import BearerTokenAuth
from dlt.sources.helpers.rest_client.paginators import OffsetPaginator

PAGE, DEEPEST = 100, 5_000  # The first row of a page may be 4,999 at most, and no page may reach behind row 5,000.

spent = {"requests": 0, "credits": 0}


def access_token():
    form = {name: os.environ[f"ZOHO_{name.upper()}"] for name in ("client_id", "client_secret", "refresh_token")}
    accounts = os.environ["DESKHOUSE_ZOHO__ACCOUNTS_URL"]
    answer = requests.post(f"{accounts}/oauth/v2/token", data=form | {"grant_type": "refresh_token"})
    return answer.json()["access_token"]


@dlt.resource(primary_key="id", write_disposition="merge")
def tickets(modified=dlt.sources.incremental("modifiedTime", initial_value="1970-01-01T00:00:00.000Z")):
    desk = RESTClient(
        f"{os.environ['DESKHOUSE_ZOHO__DESK_URL']}/api/v1",
        headers={"orgId": os.environ["ZOHO_ORG_ID"]},
        auth=BearerTokenAuth(access_token()),
    )
    start, end = modified.start_value, f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%S.000Z}"
    while True:
        pages = desk.paginate(
            "tickets/search",
            params={"modifiedTimeRange": f"{start},{end}", "sortBy": "modifiedTime"},
            paginator=OffsetPaginator(PAGE, offset_param="from", total_path="count", maximum_offset=DEEPEST),
            data_selector="data",
        )
        rows = 0
        for page in pages:
            spent["requests"] += 1
            spent["credits"] += int(page.response.headers.get("X-Rate-Limit-Request-Weight-v3", 0))
            rows, last = rows + len(page), page[-1]["modifiedTime"]
            yield page
        if rows < DEEPEST:
            return
        # The last row's moment may have more rows behind the cap, so that it is read again.
        assert last != start, "more rows changed in one moment than can be paged through"
        start = last


def destination(url):
    if url.startswith("sqlite:"):
        return dlt.destinations.sqlalchemy(url.replace("sqlite:", "sqlite:///", 1))
    return dlt.destinations.postgres(url)


# In SQLite `main` is the file itself, and every other name a file beside it.
dataset = "main" if os.environ["DATABASE_URL"].startswith("sqlite:") else "zoho_desk"
pipeline = dlt.pipeline("tickets", destination=destination(os.environ["DATABASE_URL"]), dataset_name=dataset)
pipeline.run(tickets())
print(json.dumps(spent))
