-- The data key that seals now. Who seals holds a shared lock until the end of the transaction, and
-- who makes or destroys keys an exclusive one: no key is destroyed between the look and the commit
-- of what is sealed with it. A volatile function reads anew after the lock is held.
create function newest_data_key(tenant uuid) returns table (version integer, wrapped bytea)
language sql volatile
as $$
    select pg_advisory_xact_lock_shared(hashtextextended('data keys ' || tenant::text, 0));
    select k.version, k.wrapped
    from tenant_keys k
    where k.tenant_id = tenant
    order by k.version desc
    limit 1
$$;
