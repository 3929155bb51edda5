-- A record of the audit log goes with the commit of its act in one message: whoever writes after it
-- waits for no round trip. It is written by a statement that servers prepare.

-- The data key that the tenant's newest record is sealed with; null when keys have changed since.
-- Who stores or destroys keys waits here for writers, and writers for them: whoever finds the
-- number of the key that they sealed with need not lock the keys.
alter table audit_heads add column key_version integer;

create function audit_heads_forget_key() returns trigger
language plpgsql
set search_path = public, pg_temp
as $$
begin
    update audit_heads set key_version = null
    where tenant_id = coalesce(new.tenant_id, old.tenant_id);
    return null;
end
$$;
create trigger audit_heads_forget_key after insert or delete on tenant_keys
    for each row execute function audit_heads_forget_key();

-- The hash of a record of form 2 from what is known before its number is: `rest` is what follows
-- the number in `audit_hash`.
create function audit_next_hash(prev bytea, tenant uuid, seq bigint, rest bytea) returns bytea
language sql immutable parallel safe
as $$
    select sha256(
        '\x02'::bytea
        || int8send(octet_length(prev)) || prev
        || uuid_send(tenant)
        || int8send(seq)
        || rest)
$$;

-- The number of a record, if it has one. None means that another data key may be the newest than
-- the one that sealed it, and the commit must not follow.
create function audit_follows(seq bigint) returns bigint
language plpgsql volatile
as $$
begin
    if seq is null then
        raise exception using errcode = 'TD001', message = 'another data key may be the newest';
    end if;
    return seq;
end
$$;
