-- What a run remembers. Analysts read deskhouse_freshness, which stands on these.

-- The portal that this warehouse holds. One row: a second portal would mix two companies' tickets.
create table deskhouse_portal (
    org_id text primary key,
    claimed_at timestamptz not null
);

-- One row a run. Times are the portal's. finished_at is null while it runs, and for good if it was cut off.
create table deskhouse_runs (
    id bigint primary key,
    command text not null,
    state text not null,
    started_at timestamptz not null,
    finished_at timestamptz,
    holder text not null,
    version text not null,
    requests bigint not null,
    credits bigint not null,
    credits_left bigint,
    credits_most bigint
);

-- One row a run and resource, kept up with every batch.
create table deskhouse_run_resources (
    run_id bigint not null,
    resource text not null,
    state text not null,
    records_read bigint not null,
    rows_inserted bigint not null,
    rows_updated bigint not null,
    rows_unchanged bigint not null,
    rows_deleted bigint not null,
    records_rejected bigint not null,
    rows_mended bigint not null,
    requests bigint not null,
    credits bigint not null,
    duration_s double precision not null,
    error text,
    primary key (run_id, resource)
);

-- Ranges of modified time, each read to its end once. at_time and position say how far.
create table deskhouse_windows (
    resource text not null,
    id bigint not null,
    from_time timestamptz not null,
    to_time timestamptz not null,
    at_time timestamptz not null,
    position text,
    done boolean not null,
    made_by_run bigint not null,
    done_by_run bigint,
    records_read bigint not null,
    primary key (resource, id)
);

-- Up to where a resource is complete. complete_until is null while older history is still being read.
create table deskhouse_bookmarks (
    resource text primary key,
    read_since timestamptz not null,
    read_until timestamptz not null,
    complete_until timestamptz,
    run_id bigint not null,
    updated_at timestamptz not null
);

-- Records that fit no row, as received. A record that fits later leaves this table.
create table deskhouse_rejects (
    resource text not null,
    record_id text not null,
    reason text not null,
    raw json not null,
    run_id bigint not null,
    seen_at timestamptz not null,
    primary key (resource, record_id)
);
