-- Values over time, in partitions that are made ahead and dropped when they are old.

-- What ingest must remember of a device between two polls.
alter table device_state add column polled_at timestamptz;
alter table device_state add column counted_at timestamptz;
alter table device_state add column failures integer not null default 0;
alter table device_state add column hot_polls integer not null default 0;

-- One value of one series at one time. `series` is `cpu`, `rx`, `iface:NAME:rx`, ….
create table samples (
    tenant_id uuid not null,
    device_id uuid not null,
    series    text not null,
    at        timestamptz not null,
    value     double precision not null,
    primary key (tenant_id, device_id, series, at)
) partition by range (at);
create index samples_at_idx on samples using brin (at);
alter table samples enable row level security;
alter table samples force row level security;
create policy tenant_isolation on samples to tod_app
    using (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid);
create policy system_access on samples to tod_system using (true) with check (true);
grant select on samples to tod_app;
grant select, insert, update, delete on samples to tod_system;

-- The same over five minutes and over an hour; `at` is the beginning.
create table rollups_5m (
    tenant_id uuid not null,
    device_id uuid not null,
    series    text not null,
    at        timestamptz not null,
    n         integer not null,
    low       double precision not null,
    high      double precision not null,
    mean      double precision not null,
    primary key (tenant_id, device_id, series, at)
) partition by range (at);
create index rollups_5m_at_idx on rollups_5m using brin (at);
alter table rollups_5m enable row level security;
alter table rollups_5m force row level security;
create policy tenant_isolation on rollups_5m to tod_app
    using (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid);
create policy system_access on rollups_5m to tod_system using (true) with check (true);
grant select on rollups_5m to tod_app;
grant select, insert, update, delete on rollups_5m to tod_system;

create table rollups_1h (
    tenant_id uuid not null,
    device_id uuid not null,
    series    text not null,
    at        timestamptz not null,
    n         integer not null,
    low       double precision not null,
    high      double precision not null,
    mean      double precision not null,
    primary key (tenant_id, device_id, series, at)
) partition by range (at);
create index rollups_1h_at_idx on rollups_1h using brin (at);
alter table rollups_1h enable row level security;
alter table rollups_1h force row level security;
create policy tenant_isolation on rollups_1h to tod_app
    using (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid);
create policy system_access on rollups_1h to tod_system using (true) with check (true);
grant select on rollups_1h to tod_app;
grant select, insert, update, delete on rollups_1h to tod_system;

-- How far each rollup is: everything before `done_until` is rolled up.
create table rollup_marks (
    rollup     text primary key,
    done_until timestamptz not null
);
alter table rollup_marks enable row level security;
alter table rollup_marks force row level security;
create policy system_access on rollup_marks to tod_system using (true) with check (true);
grant select, insert, update on rollup_marks to tod_system;

-- Makes the partition of `parent` for the days from `first`, if it is not there. Partitions belong
-- to the owner, nobody is granted them, and they have the walls of their parent: they can only be
-- reached through it.
create function make_partition(parent text, first date, days integer) returns boolean
    language plpgsql
    security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    name text := parent || '_' || to_char(first, 'YYYYMMDD');
begin
    if parent not in ('samples', 'rollups_5m', 'rollups_1h') or days not between 1 and 366 then
        raise exception 'no partitions of % days for %', days, parent;
    end if;
    if to_regclass(format('public.%I', name)) is not null then
        return false;
    end if;
    execute format(
        'create table public.%I partition of public.%I for values from (%L) to (%L)',
        name, parent,
        first::timestamp at time zone 'UTC',
        (first + days)::timestamp at time zone 'UTC'
    );
    execute format('alter table public.%I enable row level security', name);
    execute format('alter table public.%I force row level security', name);
    execute format(
        'create policy tenant_isolation on public.%I to tod_app '
        'using (tenant_id = nullif(current_setting(''app.current_tenant'', true), '''')::uuid) '
        'with check (tenant_id = nullif(current_setting(''app.current_tenant'', true), '''')::uuid)',
        name
    );
    execute format(
        'create policy system_access on public.%I to tod_system using (true) with check (true)',
        name
    );
    return true;
end
$$;
revoke execute on function make_partition(text, date, integer) from public;
grant execute on function make_partition(text, date, integer) to tod_system;

-- Drops every partition of `parent` that ends at or before `before`. Returns how many.
create function drop_partitions(parent text, before timestamptz) returns integer
    language plpgsql
    security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    part    regclass;
    dropped integer := 0;
begin
    if parent not in ('samples', 'rollups_5m', 'rollups_1h') then
        raise exception 'no partitions of %', parent;
    end if;
    for part in
        select i.inhrelid::regclass
        from pg_inherits i
        join pg_class c on c.oid = i.inhrelid
        where i.inhparent = format('public.%I', parent)::regclass
          and substring(pg_get_expr(c.relpartbound, c.oid) from 'TO \(''([^'']+)''\)')::timestamptz
              <= before
    loop
        execute format('drop table %s', part);
        dropped := dropped + 1;
    end loop;
    return dropped;
end
$$;
revoke execute on function drop_partitions(text, timestamptz) from public;
grant execute on function drop_partitions(text, timestamptz) to tod_system;
