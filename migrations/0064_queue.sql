-- Work that is known and not done yet, a row for each record that it is about: what is owed, how often it was tried, when
-- it may be tried again, and why it was not done so far.
create table deskhouse_queue (
    resource text not null,
    parent_id text not null,
    due_key text not null,
    state text not null,
    attempts bigint not null,
    next_at timestamptz,
    reason text,
    noted_at timestamptz not null,
    primary key (resource, parent_id)
);
