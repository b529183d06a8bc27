-- What the portal counted at the end of a run, beside the rows that are held: one row a resource, as of its last count.
-- Meant are records that were created up to `created_until`: the portal's index may not know of later ones.
create table deskhouse_counts (
    resource text primary key,
    counted_at timestamptz not null,
    created_until timestamptz not null,
    portal_records bigint not null,
    -- Rows that are alive.
    held_rows bigint not null,
    -- What explains the difference, such as archived records that the search does not show; null where there is none, or
    -- where nothing explains it.
    explanation text,
    -- Whether nothing explains a difference.
    differs boolean not null,
    run_id bigint not null
);

-- Rows that are gone are few among those that are alive, and each count at the end of a run asks for them.
create index tickets_deleted_at on tickets (_deleted_at) where _deleted_at is not null;
create index contacts_deleted_at on contacts (_deleted_at) where _deleted_at is not null;
create index accounts_deleted_at on accounts (_deleted_at) where _deleted_at is not null;
create index products_deleted_at on products (_deleted_at) where _deleted_at is not null;
create index tasks_deleted_at on tasks (_deleted_at) where _deleted_at is not null;
create index calls_deleted_at on calls (_deleted_at) where _deleted_at is not null;
create index events_deleted_at on events (_deleted_at) where _deleted_at is not null;
create index tickets_is_archived on tickets (created_time) where is_archived;

-- Whether a window was made of a part of another one that held records: an empty answer is not believed of it at once.
alter table deskhouse_windows add column is_part boolean not null default false;
