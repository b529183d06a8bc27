-- Accounts. The name is not unique, because Zoho lets two companies have the same.
create table accounts (
    id text primary key,
    account_name text,
    website text,
    email text,
    phone text,
    fax text,
    code text,
    industry text,
    annualrevenue text,
    description text,
    street text,
    city text,
    state text,
    country text,
    owner_id text,
    owner jsonb,
    layout_id text,
    web_url text,
    custom_fields jsonb,
    custom_fields_by_label jsonb,
    created_time timestamptz,
    modified_time timestamptz,
    _raw json,
    _hash bigint not null,
    _synced_at timestamptz not null,
    _deleted_at timestamptz,
    _run_id bigint not null,
    _deleted_by text,
    _deleted_reason text,
    _merged_into text
);

create index accounts_modified_time on accounts (modified_time);
create index accounts_created_time on accounts (created_time);
create index accounts_owner_id on accounts (owner_id);
