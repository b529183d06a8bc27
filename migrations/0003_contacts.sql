-- Contacts. The email is nullable and not unique, because Zoho allows both.
create table contacts (
    id text primary key,
    first_name text,
    last_name text,
    email text,
    secondary_email text,
    phone text,
    mobile text,
    type text,
    title text,
    account_id text,
    account jsonb,
    owner_id text,
    owner jsonb,
    layout_id text,
    photo_url text,
    web_url text,
    description text,
    street text,
    city text,
    state text,
    country text,
    zip text,
    facebook text,
    twitter text,
    is_end_user boolean,
    zoho_crm_contact jsonb,
    customer_happiness jsonb,
    custom_fields jsonb,
    custom_fields_by_label jsonb,
    created_time timestamptz,
    modified_time timestamptz,
    _raw json,
    _hash bigint not null,
    _synced_at timestamptz not null,
    _deleted_at timestamptz,
    _run_id bigint not null
);

create index contacts_modified_time on contacts (modified_time);
create index contacts_created_time on contacts (created_time);
create index contacts_account_id on contacts (account_id);
create index contacts_owner_id on contacts (owner_id);
