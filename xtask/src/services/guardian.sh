# Owns a throw-away PostgreSQL and NATS: DIR PGBIN NATS held|detached fast|durable.
# Ends both and removes DIR when its input closes (held) or on SIGTERM (detached).
dir=$1 bin=$2 nats=$3 mode=$4
if [ "$5" = durable ]; then safe=on; else safe=off; fi
trap ':' TERM HUP INT
exec >>"$dir/log" 2>&1

"$bin/initdb" -D "$dir/pg" -U tod_super -A trust -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null || exit 1
"$bin/postgres" -D "$dir/pg" -k "$dir" -c listen_addresses= -c max_connections=300 \
    -c fsync=$safe -c synchronous_commit=$safe -c full_page_writes=$safe -c shared_buffers=64MB \
    -c dynamic_shared_memory_type=mmap -c autovacuum=off &
postgres=$!
mkdir "$dir/nats"
"$nats" -js -sd "$dir/nats/store" -a 127.0.0.1 -p -1 --ports_file_dir "$dir/nats" &
stream=$!

if [ "$mode" = held ]; then read -r _; else wait "$postgres"; fi
kill -INT "$postgres" 2>/dev/null
kill -TERM "$stream" 2>/dev/null
wait "$postgres"
wait "$stream"
cd / && rm -rf "$dir"
