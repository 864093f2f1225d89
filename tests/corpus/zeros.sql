-- The two zeros of floats are one value: to ORDER BY and what it decides, DISTINCT ON, set operations with ALL, and inside
-- arrays and records.
create schema sz; create table sz.t (id integer, f float8, g float4); insert into sz.t values (1, 0, '-0'), (0, '-0', 0), (3, '-0', '-0'), (2, 0, 0), (4, 1, null);
select f, id from sz.t order by f, id;
select g, id from sz.t order by g desc, id limit 3;
select id from sz.t order by -f, id desc;
select id from sz.t order by case when id < 9 then f end, id limit 2;
select distinct on (f) f, id from sz.t order by f, id;
select distinct on (g) id from sz.t order by g, id desc;
select (select id from sz.t order by g, id limit 1);
select count(*) from (select f from sz.t except all select 0::float8) d;
select count(*) from (select f from sz.t intersect all (values ('-0'::float8), (0), (7))) d;
select count(*) from (select f from sz.t union select g from sz.t) u;
select id, rank() over (order by f), count(*) over (partition by g), row_number() over (order by f, id) from sz.t order by id;
select count(*), min(id) from sz.t group by array[f] order by 1;
select count(*) from (select distinct array[f], row(g) from sz.t) d;
select count(*) from sz.t group by row(f, g) order by 1;
select distinct on (array[f]) id from sz.t order by array[f], id;
select count(*) over (partition by array[g]), id from sz.t order by id;
select array[0::float8] in (array['-0'::float8]), array[0::float8] = array['-0'::float8], row(0::float8) = row('-0'::float8), array[0::float4] < array['-0'::float4];
select array[f] from sz.t except select array[0::float8] order by 1;
select string_agg(id::text, ',' order by f, id), array_agg(id order by g desc nulls last, id) from sz.t;
select greatest(0::float8, '-0'), least('-0'::float8, 0), '-0'::float8 = 0, '-0'::float8 < 0;
-- constants as keys of grouping sets
select 1 + 1 as g, count(*) from sz.t group by rollup (1 + 1) order by 1;
select 'a' || 'b' as g, id % 2 as h, count(*) from sz.t group by cube ('a' || 'b', id % 2) order by id % 2, grouping('a' || 'b');
select date '2024-03-01' - 1 as g, count(*) from sz.t group by grouping sets ((date '2024-03-01' - 1), ()) order by 1;
select 2 * 3 as g, id > 1 as h, sum(id), grouping(2 * 3) from sz.t group by rollup (2 * 3, id > 1) order by 1, 2, 4;
drop schema sz cascade;
