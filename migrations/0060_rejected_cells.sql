-- What fits no row. Where column_name is empty, the whole record, as received. Otherwise a value, as JSON or as much of it
-- as tells what it is, that is null in its row: the rest of that record is in its table. version is that of the deskhouse
-- that could not read it: a later one tries again. What fits later leaves this table.
alter table deskhouse_rejects rename to deskhouse_rejects_of_records;

create table deskhouse_rejects (
    resource text not null,
    record_id text not null,
    column_name text not null default '',
    reason text not null,
    value text,
    raw json,
    version text not null default '',
    run_id bigint not null,
    seen_at timestamptz not null,
    primary key (resource, record_id, column_name)
);

insert into deskhouse_rejects (resource, record_id, column_name, reason, raw, version, run_id, seen_at)
select resource, record_id, '', reason, raw, '', run_id, seen_at from deskhouse_rejects_of_records;

drop table deskhouse_rejects_of_records;
