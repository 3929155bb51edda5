-- What devices answer is sealed like every other secret: an answer may hold any secret of a device.

-- `sealed` is the rows, the value that was returned and the message in JSON, bound to `id`, which
-- is given anew when it is sealed. `answer`, `ret` and `message` are what earlier versions wrote
-- in the clear; servers seal it and leave nothing there.
alter table run_results
    add column id     uuid not null default gen_random_uuid(),
    add column sealed bytea,
    add constraint run_results_id_key unique (tenant_id, id);
create index run_results_plain_idx on run_results (tenant_id)
    where answer is not null or ret is not null or message is not null;
