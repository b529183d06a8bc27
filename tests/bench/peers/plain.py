"""The loop that one writes in an afternoon: page after page of the ticket search, each upserted before the next.

Reads the variables that `deskhouse sandbox` prints, and DATABASE_URL: `sqlite:PATH` or `postgres://...`.
"""

import json
import os
import sqlite3
from datetime import datetime, timezone

import psycopg2
import psycopg2.extras
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

PAGE, DEEPEST = 100, 5_000  # The first row of a page may be 4,999 at most, and no page may reach behind row 5,000.

KINDS = {
    "text": "ticketNumber subject description resolution classification status statusType category subCategory channel "
    "language priority email phone webUrl departmentId contactId accountId productId assigneeId teamId layoutId slaId "
    "createdBy modifiedBy relationshipType",
    "timestamptz": "createdTime modifiedTime customerResponseTime dueDate responseDueDate onholdTime closedTime lockedTime",
    "boolean": "isArchived isSpam isRead isEscalated isOverDue",
    "integer": "threadCount commentCount childTicketCount",
}
KIND_OF = {name: kind for kind, names in KINDS.items() for name in names.split()}
NAMES = ["id", *KIND_OF, "record"]
TABLE = f"""create table if not exists tickets
    (id text primary key, {", ".join(f"{name} {kind}" for name, kind in KIND_OF.items())}, record json)"""
UPSERT = f"""insert into tickets ({", ".join(NAMES)}) values %s
    on conflict (id) do update set {", ".join(f"{name} = excluded.{name}" for name in NAMES[1:])}"""


class Desk:
    def __init__(self):
        self.url = os.environ["DESKHOUSE_ZOHO__DESK_URL"]
        self.requests = self.credits = 0
        self.session = requests.Session()
        again = Retry(total=5, backoff_factor=1, status_forcelist=(429, 500, 502, 503, 504))
        self.session.mount("http", HTTPAdapter(max_retries=again))
        self.session.headers["orgId"] = os.environ["ZOHO_ORG_ID"]
        self.sign_in()

    def sign_in(self):
        form = {name: os.environ[f"ZOHO_{name.upper()}"] for name in ("client_id", "client_secret", "refresh_token")}
        accounts = os.environ["DESKHOUSE_ZOHO__ACCOUNTS_URL"]
        answer = self.session.post(f"{accounts}/oauth/v2/token", data=form | {"grant_type": "refresh_token"})
        answer.raise_for_status()
        self.session.headers["Authorization"] = f"Zoho-oauthtoken {answer.json()['access_token']}"

    def search(self, **parameters):
        answer = self.session.get(f"{self.url}/api/v1/tickets/search", params=parameters)
        self.requests += 1
        self.credits += int(answer.headers.get("X-Rate-Limit-Request-Weight-v3", 0))
        if answer.status_code == 401:  # The access token has ended; one that is refused when it is new is an error.
            self.sign_in()
            answer = self.session.get(answer.url)
        answer.raise_for_status()
        return answer.json()["data"] if answer.content else []


def database(url):
    """The connection, and what upserts a page."""
    if url.startswith("sqlite:"):
        connection = sqlite3.connect(url.removeprefix("sqlite:"))
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = normal")
        upsert = UPSERT.replace("%s", f"({', '.join('?' * len(NAMES))})")
        return connection, lambda rows: connection.executemany(upsert, rows)
    connection = psycopg2.connect(url)
    return connection, lambda rows: psycopg2.extras.execute_values(connection.cursor(), UPSERT, rows, page_size=PAGE)


def main():
    desk = Desk()
    connection, upsert = database(os.environ["DATABASE_URL"])
    connection.cursor().execute(TABLE)
    start, first, end = "1970-01-01T00:00:00.000Z", 0, f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%S.000Z}"
    while page := desk.search(modifiedTimeRange=f"{start},{end}", sortBy="modifiedTime", limit=PAGE, **{"from": first}):
        upsert([[row["id"], *map(row.get, KIND_OF), json.dumps(row, ensure_ascii=False)] for row in page])
        connection.commit()
        first += PAGE
        if len(page) < PAGE:
            break
        if first == DEEPEST:
            # The last row's moment may have more rows behind the cap, so that it is read again.
            assert page[-1]["modifiedTime"] != start, "more rows changed in one moment than can be paged through"
            start, first = page[-1]["modifiedTime"], 0
    print(json.dumps({"requests": desk.requests, "credits": desk.credits}))


main()
