-- What somebody with all rights on the database could do: another first row, and every hash anew.
update audit_log set actor = 'nobody' where seq = 1;
do $$
declare
    row audit_log;
    last bytea := '';
begin
    for row in select * from audit_log order by seq loop
        update audit_log l
        set prev_hash = last,
            hash = audit_hash(last, l.tenant_id, l.seq,
                              (extract(epoch from l.at) * 1000000)::bigint, l.actor, l.act,
                              l.target, l.request_id, l.address, l.id, l.sealed)
        where l.tenant_id = row.tenant_id and l.seq = row.seq
        returning hash into last;
    end loop;
    update audit_heads set hash = last;
end
$$;
