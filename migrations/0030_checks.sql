-- How far the comparison of a resource with the portal has come: created times before `reached_at` were compared in the
-- turn that began at `turn_began_at`.
create table deskhouse_checks (
    resource text primary key,
    reached_at timestamptz,
    turn_began_at timestamptz not null,
    turn_ended_at timestamptz,
    checked_at timestamptz not null,
    run_id bigint not null
);
