-- What requests have cost: one row a credit day, resource and path. The day is named by the moment at which it began, at
-- midnight of the data centre; ids in paths are left out. last_weight is the price of the last one, as the portal stated it.
create table deskhouse_credits (
    day_began_at timestamptz not null,
    resource text not null,
    endpoint text not null,
    requests bigint not null,
    credits bigint not null,
    last_weight bigint,
    primary key (day_began_at, resource, endpoint)
);
