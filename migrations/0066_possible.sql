-- What requests may have cost of which no answer tells the price: it counts against what may be spent in a day.
alter table deskhouse_credits add column possible bigint not null default 0;

-- Requests at a time that the portal was found to grant, with which the next run begins.
alter table deskhouse_runs add column concurrency bigint;
