-- Runs that are at work beside each other, and how many requests at a time each may make: together never more than
-- `limits.concurrency`. One row a run, made before its first request and taken away at its end; named by the first of its
-- claims.
create table deskhouse_shares (
    name text primary key,
    -- The order in which parts are given; who had its turn goes to the end where there are more runs than requests.
    place bigint not null,
    -- Most requests at a time that it would make alone.
    wanted bigint not null,
    -- Requests at a time that it may make.
    granted bigint not null,
    -- Counted up while it is at work: one that stands still tells that its run was cut off.
    beat bigint not null
);

-- Runs at work are known by their shares and not by times of claims.
alter table deskhouse_claims rename to deskhouse_claims_with_times;

create table deskhouse_claims (
    name text primary key,
    run_id bigint not null
);

insert into deskhouse_claims (name, run_id) select name, run_id from deskhouse_claims_with_times;

drop table deskhouse_claims_with_times;
