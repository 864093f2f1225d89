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
-- a column that is another constant in each input of a union
(select distinct 'utfall' as typ, id as x from c.rad union all select 'budget', 0 from c.num) order by 1, 2 nulls first limit 3;
(select distinct 'budget' as typ, id as x from c.rad union all select 'utfall', 0 from c.num) order by 1, 2 nulls first limit 3;
select x from ((select distinct 'budget' as typ, id as x from c.rad union all select 'utfall', 0 from c.num) order by 1, 2 limit 30) s order by x;
select typ, x, count(*) from (select distinct 'budget' as typ, id as x from c.rad union all select 'utfall', id from c.rad group by id) s group by typ, x order by typ, x limit 5;
select x, count(*) from ((select distinct 'budget' as typ, id as x from c.rad union all select 'utfall', 0 from c.num) order by 1, 2 limit 30) s group by x order by x;
select x, typ, rank() over (order by x), sum(x) over (partition by x order by typ) from (select distinct 'budget' as typ, id as x from c.rad union all select distinct 'utfall', id from c.rad) s order by x, typ;
-- frames of numerics beyond the digits of the key
select id, count(*) over (order by belopp range between 100000000000 preceding and 0.005 following) from c.rad order by id;
select id, count(*) over (order by n range between 1 preceding and 10000.5 following) from (select id, 2.5 as n from c.rad) s order by id;
select id, bool_or(antal > 2) over (order by id rows 1 preceding), bool_and(aktiv) over (order by id rows between 1 following and 2 following) from (select r.id, r.antal, k.aktiv from c.rad r left join c.konto k using (konto)) s order by id;
-- subqueries one after another over one outer side
select a.id, (select max(b.id) from c.rad b where b.id <= a.id + 0), (select max(b.id) from c.rad b where b.id <= a.id + 1), (select max(b.id) from c.rad b where b.id <= a.id + 2), (select max(b.id) from c.rad b where b.id <= a.id + 3), (select max(b.id) from c.rad b where b.id <= a.id + 4), (select max(b.id) from c.rad b where b.id <= a.id + 5), (select max(b.id) from c.rad b where b.id <= a.id + 6), (select max(b.id) from c.rad b where b.id <= a.id + 7), (select max(b.id) from c.rad b where b.id <= a.id + 8), (select max(b.id) from c.rad b where b.id <= a.id + 9) from c.rad a order by 1;
select a.id, n1, n2, n3, n4, n5, n6, n7, n8, n9, n10 from c.rad a, lateral (select a.id + 1 as n1) x1, lateral (select n1 + 1 as n2) x2, lateral (select n2 + 1 as n3) x3, lateral (select n3 + 1 as n4) x4, lateral (select n4 + 1 as n5) x5, lateral (select n5 + 1 as n6) x6, lateral (select n6 + 1 as n7) x7, lateral (select n7 + 1 as n8) x8, lateral (select n8 + 1 as n9) x9, lateral (select n9 + 1 as n10) x10 order by 1;
select a.id, x1.m, x2.m, x3.m, x4.m, x5.m, x6.m from c.rad a, lateral (select max(id) as m from c.rad where id <= a.id) x1, lateral (select max(id) as m from c.rad where id <= x1.m) x2, lateral (select max(id) as m from c.rad where id <= x2.m) x3, lateral (select max(id) as m from c.rad where id <= x3.m) x4, lateral (select max(id) as m from c.rad where id <= x4.m) x5, lateral (select max(id) as m from c.rad where id <= x5.m) x6 order by 1;
-- no sort below an OFFSET
select (select x from (select id as x from c.rad order by 1 desc offset 5) s order by x limit 1);
select sum(x) from (select x from (select id as x from c.rad order by 1 desc offset 4) s order by x limit 1) q;
select x from (select id as x from c.rad order by 1 desc offset 4) s order by x;
select id from c.rad order by id offset 3;
-- What the filter says is equal is not the same expression to a window's order.
select rank() over (partition by tc order by tb), tc from (values ('a', 2), ('a', 1), ('B', 3), ('b', 4)) t(tc, tb) where lower(tc) = tc order by tc, 1;
select row_number() over (partition by x order by y desc), x, y from (values (1, 3), (1, 4), (-2, 5), (2, 6)) t(x, y) where abs(x) = x order by x, y;
