-- Indexes that are made when the first load of their table ends or pauses: the table is filled before, in no order of theirs,
-- and each row costs the more the larger they are. None is listed here while no first load is under way.
create table deskhouse_indexes (
    name text primary key,
    table_name text not null,
    -- The statement that makes it.
    definition text not null,
    -- The run that set it aside.
    run_id bigint not null
);
