-- What an optimizer makes of a plan may change neither its answer nor fail.
-- an aggregate's values are its own, not those of a subquery's whose statistics are known
select count(*) filter (where m is not null) from (select min(i4) as m from c.num) s;
select max(m) filter (where m > 0), count(*) filter (where m is null) from (select min(id) as m, max(id) from c.rad) s;
select i4 not in (select min(i4) from c.num) from c.num order by i4;
select id from c.rad where case when id > 1 then id not in (select max(id) from c.rad) end order by id;
select timestamp '2024-01-01' not in (select min(timestamp '2024-01-01') from c.tom);
select count(1) filter (where timestamp '2024-01-01' not in (select min(timestamp '2024-01-01') from c.tom)) from c.rad;
-- a null among the rows of NOT IN counts for a constant, too
select count(*) from c.rad where 17 not in (select i4 from c.num);
select count(*) from c.rad where 17 not in (select i4 from c.num where i4 is not null);
select count(*) from c.rad where 1 in (select i4 from c.num);
with w as materialized (select 10.25 as x from (select id from c.rad) r where 17 not in (select i4 from c.num)) select count(*), max(x) from w;
select count(*) from (select 17 as x from c.rad) r where x not in (select i4 from c.num);
-- a subquery without a row is null, though its column is never null
select (select 0 from c.tom), (select s.x from (select 0 as x from c.tom) s order by 1 limit 1);
select (select s.x from (select i4 as x from c.num where false union all select 0 from c.tom) s order by s.x limit 1) from c.rad where id = 1;
select (select id from c.rad where false), coalesce((select id from c.rad where id < 0 limit 1), 7);
select x from (select true as x from c.rad union select case when id = id then id = id else (true or true) end from c.rad) s;
-- a limit over rows that an OFFSET left out, whatever is constant
select m from (select min(1) over (partition by 2) as m from c.rad where id <= 3 order by 1 desc limit 2 offset 1) s order by m limit 1;
select (select m from (select min(date '2024-01-01') over (partition by 2) as m from c.rad order by 1 desc limit 2 offset 1) s order by m limit 1);
select m from (select min(id) over (partition by forvaltning) as m, forvaltning as f from c.rad where forvaltning = '101' order by 2 desc limit 2 offset 1) s order by f limit 1;
select id from (select id, forvaltning from c.rad where forvaltning = '101' order by 2 desc, 1 limit 3 offset 1) s order by forvaltning, id limit 1;
-- keys of subqueries whose outer columns cannot be null any more
select sum((select max(x) from (select b.id + a.id as x from c.num) s)) from c.rad a left join c.rad b on true where b.id > 2;
select a.id, (select max(x) from (select b.id + a.id as x from c.num) s) from c.rad a left join c.rad b on true where b.id > 2 order by 1, 2;
-- a running minimum or maximum begins with nulls
select max(n) over (order by k) from (values (1, null::integer), (2, 5), (3, 3), (4, 9)) v (k, n) order by 1;
select min(n) over (order by k) as m from (values (1, null::integer), (2, 5), (3, 3), (4, 9)) v (k, n) order by m desc;
select min(n) over (order by k desc) as m, k from (values (1, 4), (2, 5), (3, 3), (4, null)) v (k, n) order by m desc, k;
-- a sort that a constant makes needless, under a join that hides that it is one
select coalesce(s.x, a.forvaltning) from c.rad a join lateral (select '100'::text as x, a.konto as y from c.num) s on a.id > 2 order by 1 desc;
-- groups of infinities, and of what is not a number
select g, min(f), max(f), min(f::real), max(f::real) from (values (1, 'Infinity'::float8), (1, 'Infinity'), (2, '-Infinity'), (3, 'NaN'), (3, 1), (4, 2), (4, 'NaN'), (5, null), (6, -1), (6, null)) v (g, f) group by g order by g;
select g, max(f) from (values (1, 'Infinity'::float8), (1, 'NaN'), (2, '-Infinity'), (3, 1)) v (g, f) group by g order by 2 desc, 1 limit 2;
select distinct g, min(f) filter (where g > 1) from (values (1, 'Infinity'::float8), (2, 'Infinity')) v (g, f) group by g order by g;
