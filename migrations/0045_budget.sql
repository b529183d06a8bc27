-- What a run holds alone while it runs: `sync`, or `backfill` with the name of a resource.
create table deskhouse_claims (
    name text primary key,
    run_id bigint not null,
    -- When it last booked what it spent, on the portal's clock: how many runs are at work beside each other.
    seen_at timestamptz
);

-- Whose window it is: a backfill reads windows of its own, and no bookmark waits for them.
alter table deskhouse_windows add column purpose text not null default 'sync';

-- The time that the window is a range of: `modified` or `created`.
alter table deskhouse_windows add column range_of text not null default 'modified';
