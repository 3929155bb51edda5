-- What a poller is told about a device is sealed to its key, so that nobody on the bus can read it.
-- A tenant sees only who holds its own devices, hence the key beside the lease.
alter table device_leases add column public_key text;
update device_leases l set public_key = p.public_key from pollers p where p.id = l.poller_id;
