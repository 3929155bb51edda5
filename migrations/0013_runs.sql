-- One command on many devices.

-- `command` is shown to people: values of words that hold secrets are masked, and the words
-- themselves are not kept. The server that asks renews `worker_until`.
create table runs (
    tenant_id    uuid not null references tenants (id) on delete cascade,
    id           uuid not null,
    number       bigint not null,
    selector     text not null,
    command      text not null,
    targets      integer not null,
    state        text not null,
    ok           integer not null default 0,
    failed       integer not null default 0,
    skipped      integer not null default 0,
    actor        text not null,
    created_at   timestamptz not null,
    finished_at  timestamptz,
    worker_until timestamptz not null,
    primary key (tenant_id, id),
    constraint runs_number_key unique (tenant_id, number)
);
create index runs_open_idx on runs (worker_until) where state = 'running';
alter table runs enable row level security;
alter table runs force row level security;
create policy tenant_isolation on runs to tod_app
    using (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid);
create policy system_access on runs to tod_system using (true) with check (true);
grant select, insert, update on runs to tod_app;
grant select, insert, update, delete on runs to tod_system;

-- The devices of a run, frozen at its start. `seq` is the order in which they were done; `answer`
-- is the rows in JSON, as bytes because a device may answer with anything.
create table run_results (
    tenant_id   uuid not null,
    run_id      uuid not null,
    device_id   uuid not null,
    device_name text not null,
    asked_at    timestamptz,
    seq         integer,
    status      text,
    code        text,
    message     text,
    answer      bytea,
    ret         text,
    truncated   boolean not null default false,
    duration_ms integer not null default 0,
    primary key (tenant_id, run_id, device_id),
    constraint run_results_run_fkey foreign key (tenant_id, run_id)
        references runs (tenant_id, id) on delete cascade
);
create index run_results_seq_idx on run_results (tenant_id, run_id, seq);
alter table run_results enable row level security;
alter table run_results force row level security;
create policy tenant_isolation on run_results to tod_app
    using (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid);
create policy system_access on run_results to tod_system using (true) with check (true);
grant select, insert, update on run_results to tod_app;
grant select, insert, update, delete on run_results to tod_system;
