-- The same as before, planned once for each connection and not with every call: it is called for
-- every record of the audit log. After waiting for the lock the second statement sees what is new,
-- since the function is volatile.
create or replace function newest_data_key(tenant uuid) returns table (version integer, wrapped bytea)
language plpgsql volatile
as $$
begin
    perform pg_advisory_xact_lock_shared(hashtextextended('data keys ' || tenant::text, 0));
    return query
        select k.version, k.wrapped
        from tenant_keys k
        where k.tenant_id = tenant
        order by k.version desc
        limit 1;
end
$$;
