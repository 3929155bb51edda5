-- What answers at a device's address although it is another device: its serial number. While there
-- is one, nothing is written to it.
alter table device_state add column other_serial text;
