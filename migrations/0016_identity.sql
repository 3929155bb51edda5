-- Keys for programs, an audit log that says where a request came from and keeps its details
-- sealed, checkpoints of its chains, and who used which data key for what.

-- A key acts for the person who made it, in one tenant, never above that person's role of the
-- moment. Only the hash is kept. The person may be in another tenant (a super administrator), so
-- `user_id` is no foreign key; a key whose person is gone or switched off opens nothing.
create table api_keys (
    tenant_id      uuid not null references tenants (id) on delete cascade,
    id             uuid not null,
    user_id        uuid not null,
    name           text not null,
    role           text not null,
    scopes         text[] not null,
    networks       text[] not null default '{}',
    hint           text not null,
    key_hash       bytea not null,
    created_at     timestamptz not null,
    expires_at     timestamptz,
    last_used_at   timestamptz,
    last_used_from text,
    revoked_at     timestamptz,
    primary key (tenant_id, id),
    constraint api_keys_hash_key unique (key_hash),
    constraint api_keys_role_check check (role in ('viewer', 'operator', 'admin'))
);
create unique index api_keys_name_key on api_keys (tenant_id, name) where revoked_at is null;
alter table api_keys enable row level security;
alter table api_keys force row level security;
create policy tenant_isolation on api_keys to tod_app
    using (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid);
create policy system_access on api_keys to tod_system using (true) with check (true);
grant select, insert, update on api_keys to tod_app;
grant select, insert, update, delete on api_keys to tod_system;

-- Form 2 of an audit row: `actor` is an identifier, never an e-mail address, so that a person can
-- be forgotten without touching the chain; `sealed` holds the details, `detail` is empty.
alter table audit_log
    add column form       smallint not null default 1,
    add column id         uuid,
    add column request_id text not null default '',
    add column address    text not null default '',
    add column sealed     bytea not null default '';
create index audit_log_at_idx on audit_log (tenant_id, at);
alter table audit_heads add column prev bytea not null default '';

-- The hash of a row of form 2: every field with its length in front, so that none can pass for the
-- end of another. The server computes the same when it verifies.
create function audit_hash(
    prev bytea, tenant uuid, seq bigint, at_us bigint, actor text, act text, target text,
    request_id text, address text, id uuid, sealed bytea
) returns bytea
language sql immutable parallel safe
as $$
    select sha256(
        '\x02'::bytea
        || int8send(octet_length(prev)) || prev
        || uuid_send(tenant)
        || int8send(seq)
        || int8send(at_us)
        || int8send(octet_length(convert_to(actor, 'UTF8'))) || convert_to(actor, 'UTF8')
        || int8send(octet_length(convert_to(act, 'UTF8'))) || convert_to(act, 'UTF8')
        || int8send(octet_length(convert_to(target, 'UTF8'))) || convert_to(target, 'UTF8')
        || int8send(octet_length(convert_to(request_id, 'UTF8')))
        || convert_to(request_id, 'UTF8')
        || int8send(octet_length(convert_to(address, 'UTF8'))) || convert_to(address, 'UTF8')
        || uuid_send(id)
        || int8send(octet_length(sealed)) || sealed
    )
$$;

-- Heads of chains, vouched for with a key that is not in the database: whoever rewrites a chain
-- here cannot rewrite these.
create table audit_checkpoints (
    tenant_id uuid not null,
    seq       bigint not null,
    hash      bytea not null,
    at        timestamptz not null,
    mac       bytea not null,
    primary key (tenant_id, seq)
);
alter table audit_checkpoints enable row level security;
alter table audit_checkpoints force row level security;
create policy tenant_isolation on audit_checkpoints to tod_app
    using (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid);
create policy system_access on audit_checkpoints to tod_system using (true) with check (true);
grant select on audit_checkpoints to tod_app;
grant select, insert on audit_checkpoints to tod_system;

-- Who opened what with a tenant's data key, and for which purpose. Nobody may change or remove it.
create table key_uses (
    tenant_id uuid not null references tenants (id) on delete cascade,
    id        uuid not null,
    at        timestamptz not null,
    actor     text not null,
    purpose   text not null,
    version   integer not null,
    place     text not null,
    resource  uuid,
    count     integer not null,
    primary key (tenant_id, id)
);
create index key_uses_at_idx on key_uses (tenant_id, at);
alter table key_uses enable row level security;
alter table key_uses force row level security;
create policy tenant_isolation on key_uses to tod_app
    using (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid);
create policy system_access on key_uses to tod_system using (true) with check (true);
grant select, insert on key_uses to tod_app;
grant select, insert on key_uses to tod_system;

-- Forgetting a person takes their address out of what happened.
grant update on events to tod_system;
