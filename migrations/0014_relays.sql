-- Terminals into devices, with the tickets that open them.

-- A ticket is good once. Only its hash is kept.
create table relays (
    tenant_id   uuid not null,
    id          uuid not null,
    device_id   uuid not null,
    device_name text not null,
    user_id     uuid not null,
    actor       text not null,
    kind        jsonb not null,
    ticket_hash bytea not null,
    expires_at  timestamptz not null,
    used_at     timestamptz,
    opened_at   timestamptz,
    closed_at   timestamptz,
    end_reason  text,
    created_at  timestamptz not null,
    primary key (tenant_id, id),
    constraint relays_ticket_key unique (ticket_hash),
    constraint relays_device_fkey foreign key (tenant_id, device_id)
        references devices (tenant_id, id) on delete cascade
);
create index relays_device_idx on relays (tenant_id, device_id, created_at);
alter table relays enable row level security;
alter table relays force row level security;
create policy tenant_isolation on relays to tod_app
    using (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid);
create policy system_access on relays to tod_system using (true) with check (true);
grant select, insert, update on relays to tod_app;
grant select, insert, update, delete on relays to tod_system;
