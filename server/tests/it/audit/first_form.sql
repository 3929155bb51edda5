-- A row as the first servers wrote it: the details in the clear, the hash over eight fields, each
-- with its length in front.
with fields as (
    select 'TENANT'::uuid as tenant_id, 'ana@example.net' as actor, 'tenant.create' as act,
           'tn' as target, '{"name":"acme"}' as detail,
           '2026-11-20 10:00:00.123456+00'::timestamptz as at
),
hashed as (
    select *, sha256(
        int8send(0)
        || int8send(16) || uuid_send(tenant_id)
        || int8send(8) || int8send(1)
        || int8send(8) || int8send((extract(epoch from at) * 1000000)::bigint)
        || int8send(octet_length(actor)) || convert_to(actor, 'UTF8')
        || int8send(octet_length(act)) || convert_to(act, 'UTF8')
        || int8send(octet_length(target)) || convert_to(target, 'UTF8')
        || int8send(octet_length(detail)) || convert_to(detail, 'UTF8')
    ) as hash
    from fields
),
row as (
    insert into audit_log (tenant_id, seq, at, actor, act, target, detail, prev_hash, hash)
    select tenant_id, 1, at, actor, act, target, detail, '', hash
    from hashed
    returning tenant_id, seq, hash
)
insert into audit_heads (tenant_id, seq, hash)
select tenant_id, seq, hash
from row;
