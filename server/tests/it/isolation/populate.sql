-- Rows of every tenant in the tables that grow.
insert into devices (tenant_id, id, name, address, port, ssh_port, tls, username, password, zone,
                     poll_seconds, created_at)
select t.id, gen_random_uuid(), 'core-' || n, '10.0.' || n / 250 || '.' || n % 250, 8728, 22,
       'plain', 'tod', '', 'default', 60, now()
from tenants t, generate_series(1, ROWS) n;

insert into device_state (tenant_id, device_id, status_since)
select tenant_id, id, now() from devices;

insert into events (tenant_id, cursor, at, kind, message)
select t.id, n, now(), 'device.status', 'x' from tenants t, generate_series(1, ROWS) n;

insert into audit_log (tenant_id, seq, at, actor, act, target, detail, prev_hash, hash)
select t.id, n, now() - n * interval '1 minute', 'tod', 'x', 'x', '', '', ''
from tenants t, generate_series(1, ROWS) n;

insert into key_uses (tenant_id, id, at, actor, purpose, version, place, count)
select t.id, gen_random_uuid(), now(), 'tod', 'x', 1, 'x', 1
from tenants t, generate_series(1, ROWS) n;

insert into runs (tenant_id, id, number, selector, command, targets, state, actor, created_at,
                  worker_until)
select t.id, gen_random_uuid(), n, 'all', '/x', 0, 'finished', 'x', now(), now()
from tenants t, generate_series(1, ROWS) n;

insert into changes (tenant_id, id, number, device_id, device_name, state, push, secret, actor,
                     created_at)
select d.tenant_id, gen_random_uuid(), row_number() over (partition by d.tenant_id), d.id, d.name,
       'confirmed', '{}', '', 'x', now()
from devices d;

insert into api_keys (tenant_id, id, user_id, name, role, scopes, hint, key_hash, created_at)
select t.id, gen_random_uuid(), gen_random_uuid(), 'k-' || n, 'viewer', '{}', 'x',
       sha256((t.id::text || n)::bytea), now()
from tenants t, generate_series(1, ROWS) n;

insert into users (id, tenant_id, email, name, role, created_at)
select gen_random_uuid(), t.id, n || '@' || t.name, 'X', 'viewer', now()
from tenants t, generate_series(1, ROWS) n;

select make_partition('samples', now()::date, 1);
insert into samples (tenant_id, device_id, series, at, value)
select tenant_id, id, 'cpu', date_trunc('day', now()) + n * interval '10 minutes', 1
from devices, generate_series(1, 10) n;

analyze;
