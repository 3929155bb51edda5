-- Everything in the schema that is not walled as the promise of isolation needs it: table, what.
with tables as (
    select c.oid, c.relname::text as name, c.relrowsecurity, c.relforcerowsecurity, c.relispartition,
           exists (select from pg_attribute a
                   where a.attrelid = c.oid and a.attname = 'tenant_id') as of_tenant
    from pg_class c
    where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace
          and c.relname <> '_sqlx_migrations'
),
policies as (
    select p.polrelid, p.polcmd, pg_get_expr(p.polqual, p.polrelid) as qual,
           pg_get_expr(p.polwithcheck, p.polrelid) as with_check,
           (select array_agg(r.rolname::text) from pg_roles r where r.oid = any (p.polroles))
               as roles
    from pg_policy p
)
select name, 'row security is not enabled and forced'
from tables where not (relrowsecurity and relforcerowsecurity)
union all
select name, 'no policy for tod_app with using and with check on the tenant'
from tables t
where of_tenant and not exists (
    select from policies p
    where p.polrelid = t.oid and p.roles = '{tod_app}' and p.polcmd = '*'
          and p.qual like '(tenant_id = %app.current_tenant%' and p.with_check = p.qual
)
union all
select name, 'a policy for somebody else: ' || coalesce(p.roles::text, 'everybody')
from tables t join policies p on p.polrelid = t.oid
where p.roles is null or not (p.roles = '{tod_app}' or p.roles = '{tod_system}')
union all
select name, 'no index that starts with tenant_id'
from tables t
where of_tenant and not exists (
    select from pg_index i
    join pg_attribute a on a.attrelid = t.oid and a.attnum = i.indkey[0]
    where i.indrelid = t.oid and a.attname = 'tenant_id' and i.indisvalid
)
union all
select name, 'a unique key without tenant_id tells of other tenants: ' || c.relname
from tables t
join pg_index i on i.indrelid = t.oid and i.indisunique
join pg_class c on c.oid = i.indexrelid
where of_tenant
      and not exists (select from pg_attribute a
                      where a.attrelid = t.oid and a.attnum = any (i.indkey)
                            and a.attname = 'tenant_id')
      -- People are found by address, relays and API keys by the hash of something random, before
      -- their tenant is known. `strangers` shows that an address tells nothing.
      and c.relname not in ('users_pkey', 'users_claimed_key', 'relays_ticket_key',
                            'api_keys_hash_key')
union all
select t.name, 'a foreign key without tenant_id: ' || c.conname
from tables t
join pg_constraint c on c.conrelid = t.oid and c.contype = 'f'
join tables other on other.oid = c.confrelid
where t.of_tenant and other.of_tenant
      and not exists (select from pg_attribute a
                      where a.attrelid = t.oid and a.attnum = any (c.conkey)
                            and a.attname = 'tenant_id')
union all
select t.name, 'tod_app may reach it, and it has no tenant_id'
from tables t
where not of_tenant and t.name <> 'tenants'
      and has_table_privilege('tod_app', t.oid, 'select, insert, update, delete')
union all
select c.relname::text, 'a view that is not security_invoker'
from pg_class c
where c.relkind in ('v', 'm') and c.relnamespace = 'public'::regnamespace
      and not coalesce(c.reloptions @> '{security_invoker=true}', false)
union all
select p.proname::text, 'a security definer without a pinned search_path'
from pg_proc p
where p.pronamespace = 'public'::regnamespace and p.prosecdef
      and not coalesce(p.proconfig::text like '%search_path=%', false)
union all
select p.proname::text, 'a security definer that everybody may call'
from pg_proc p
where p.pronamespace = 'public'::regnamespace and p.prosecdef
      and has_function_privilege('tod_app', p.oid, 'execute')
order by 1, 2
