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
select a from (values (1), (10)) v (a) where case when true then 17 else a end not in (select null::integer from c.rad);
select a from (values (1), (10)) v (a) where case when true then 17 else a end not in (select null::integer from c.rad where false) order by 1;
select a from (values (1), (2), (null)) v (a) where a + 1 not in (select i4 from c.num where i4 is not null) order by 1;
select a from (values (1), (2), (null)) v (a) where a + 1 not in (select i4 from c.num where false) order by 1;
-- a condition without columns over an aggregate that has a row without rows, with HAVING between them
select x from (select false as x from c.rad having count(*) <> -5) s where x;
select x, n from (select false as x, count(*) as n from c.rad having count(*) <> -5) s where x or n < 0;
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
-- The limit of a sort whose input is in its order already, by a window below.
select s.c from (select distinct on (v.f) v.f as c from (values (true), (false), (null), (true)) v (f) order by v.f nulls first) s order by s.c limit 1;
select s.c, s.n from (select c, row_number() over (partition by c order by c desc) as n from (values (2), (1), (3), (1)) v (c)) s where n = 1 order by s.c limit 2;
-- Constants that the engine can have no order of.
select max(a) over (partition by array_fill(0, array[2]) order by a) from (values (1), (2)) v (a) order by 1;
select distinct on (s.a) s.a, s.b from (select v.a, array_fill(7, array[2]) as b from (values (1), (2), (2)) v (a)) s order by s.a, s.b desc;
select greatest(array[3,1,2], array_fill(7, array[2])) as b from (values (1), (2)) v (a) order by b;
-- There is one NaN, whatever the processor makes of infinities.
select x::text, count(*) from (select 'Infinity'::float8 - y as x from (values ('Infinity'::float8), ('NaN')) v (y)) q group by x;
select x = 'NaN', x > 0 from (values (- 'NaN'::float8), ('Infinity'::float8 * 0), ('-NaN'::float8), ('Infinity'::float8 / 'Infinity'::float8)) v (x);
select sum(x) = 'NaN', sum(x) over () = 'NaN' from (values ('Infinity'::float8), ('-Infinity')) v (x) group by x order by 1;
select sum(x) = 'NaN' from (values ('Infinity'::float8), ('-Infinity')) v (x);
select sum(x) > 0 from (values ('Infinity'::float4), ('-Infinity')) v (x);
select x::text from (values (- 'NaN'::float8), (1), (null)) v (x) order by v.x;
-- A column that a full join merges, seen from an inner union.
select q.c from (values (1, 'a')) t (k, c) full join (values (2)) u (k) using (k) cross join lateral (select t.c union all select k::text) q (c) order by 1;
select q.c from (values (1, 7)) t (k, c) full join (values (2)) u (k) using (k) cross join lateral (select t.c union all select k) q (c) order by 1;
-- A recursive query whose constant becomes null in a later step.
with recursive w (a, b) as (select 1, 'Infinity'::float8 union all select w.a + 1, case date '1999-12-31' when date '2000-01-01' + null::integer then w.b else abs('Infinity'::float8) end from w where w.a < 3) select * from w order by 1;
-- COALESCE and NULLIF inside one another, chains of conditions that can fail: they do not grow with every level.
select coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(x, 0), 1), 2), 3), 4), 5), 6), 7), 8), 9), 10), 11), 12), 13), 14), 15), 16), 17), 18), 19), 20), 21), 22), 23), 24), 25), 26), 27), 28), 29), 30), 31), 32), 33), 34), 35), 36), 37), 38), 39) from (values (1), (null)) v (x) order by 1;
select coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(coalesce(x + 1, 0) + 1, 1) + 1, 2) + 1, 3) + 1, 4) + 1, 5) + 1, 6) + 1, 7) + 1, 8) + 1, 9) + 1, 10) + 1, 11) + 1, 12) + 1, 13) + 1, 14) + 1, 15) + 1, 16) + 1, 17) + 1, 18) + 1, 19) + 1, 20) + 1, 21) + 1, 22) + 1, 23) + 1, 24) + 1, 25) + 1, 26) + 1, 27) + 1, 28) + 1, 29) + 1, 30) + 1, 31) + 1, 32) + 1, 33) + 1, 34) + 1, 35) + 1, 36) + 1, 37) + 1, 38) + 1, 39) from (values (1), (null)) v (x) order by 1;
select nullif(nullif(nullif(nullif(nullif(nullif(nullif(nullif(nullif(nullif(nullif(nullif(nullif(nullif(nullif(nullif(nullif(nullif(nullif(nullif(nullif(nullif(nullif(nullif(nullif(nullif(nullif(nullif(nullif(nullif(nullif(nullif(nullif(nullif(nullif(nullif(nullif(nullif(nullif(nullif(x, 2), 3), 4), 5), 6), 7), 8), 9), 10), 11), 12), 13), 14), 15), 16), 17), 18), 19), 20), 21), 22), 23), 24), 25), 26), 27), 28), 29), 30), 31), 32), 33), 34), 35), 36), 37), 38), 39), 40), 41) from (values (1), (2), (null)) v (x) order by 1;
select 1 / x > 10 or 2 / x > 10 or 3 / x > 10 or 4 / x > 10 or 5 / x > 10 or 6 / x > 10 or 7 / x > 10 or 8 / x > 10 or 9 / x > 10 or 10 / x > 10 or 11 / x > 10 or 12 / x > 10 or 13 / x > 10 or 14 / x > 10 or 15 / x > 10 or 16 / x > 10 or 17 / x > 10 or 18 / x > 10 or 19 / x > 10 or 20 / x > 10 or 21 / x > 10 or 22 / x > 10 or 23 / x > 10 or 24 / x > 10 or 25 / x > 10 or 26 / x > 10 or 27 / x > 10 or 28 / x > 10 or 29 / x > 10 or 30 / x > 10 or 31 / x > 10 or 32 / x > 10 or 33 / x > 10 or 34 / x > 10 or 35 / x > 10 or 36 / x > 10 or 37 / x > 10 or 38 / x > 10 or 39 / x > 10 or 40 / x > 10 from (values (1), (3)) v (x) order by 1;
select x from (values (1), (5)) v (x) where 1 / x > 10 or 2 / x > 10 or 3 / x > 10 or 4 / x > 10 or 5 / x > 10 or 6 / x > 10 or 7 / x > 10 or 8 / x > 10 or 9 / x > 10 or 10 / x > 10 or 11 / x > 10 or 12 / x > 10 or 13 / x > 10 or 14 / x > 10 or 15 / x > 10 or 16 / x > 10 or 17 / x > 10 or 18 / x > 10 or 19 / x > 10 or 20 / x > 10 or 21 / x > 10 or 22 / x > 10 or 23 / x > 10 or 24 / x > 10 or 25 / x > 10 or 26 / x > 10 or 27 / x > 10 or 28 / x > 10 or 29 / x > 10 or 30 / x > 10 or 31 / x > 10 or 32 / x > 10 or 33 / x > 10 or 34 / x > 10 or 35 / x > 10 or 36 / x > 10 or 37 / x > 10 or 38 / x > 10 or 39 / x > 10 or 40 / x > 10 order by 1;
select x from (values (1), (5)) v (x) where ((((((((((((((((((((((((((((((((((((((((x > 0 and 10 / x > 0) or 10 / x > 1) and 10 / x > 2) or 10 / x > 3) and 10 / x > 4) or 10 / x > 5) and 10 / x > 6) or 10 / x > 7) and 10 / x > 8) or 10 / x > 0) and 10 / x > 1) or 10 / x > 2) and 10 / x > 3) or 10 / x > 4) and 10 / x > 5) or 10 / x > 6) and 10 / x > 7) or 10 / x > 8) and 10 / x > 0) or 10 / x > 1) and 10 / x > 2) or 10 / x > 3) and 10 / x > 4) or 10 / x > 5) and 10 / x > 6) or 10 / x > 7) and 10 / x > 8) or 10 / x > 0) and 10 / x > 1) or 10 / x > 2) and 10 / x > 3) or 10 / x > 4) and 10 / x > 5) or 10 / x > 6) and 10 / x > 7) or 10 / x > 8) and 10 / x > 0) or 10 / x > 1) and 10 / x > 2) or 10 / x > 3) order by 1;
-- Nested subqueries.
select count(*) from (values (1)) t0 (x) where exists (select 1 from (values (1)) t1 (x) where t1.x = t0.x and exists (select 1 from (values (1)) t2 (x) where t2.x = t1.x and exists (select 1 from (values (1)) t3 (x) where t3.x = t2.x and exists (select 1 from (values (1)) t4 (x) where t4.x = t3.x and exists (select 1 from (values (1)) t5 (x) where t5.x = t4.x and exists (select 1 from (values (1)) t6 (x) where t6.x = t5.x and exists (select 1 from (values (1)) t7 (x) where t7.x = t6.x and exists (select 1 from (values (1)) t8 (x) where t8.x = t7.x and exists (select 1 from (values (1)) t9 (x) where t9.x = t8.x and exists (select 1 from (values (1)) t10 (x) where t10.x = t9.x and exists (select 1 from (values (1)) t11 (x) where t11.x = t10.x and exists (select 1 from (values (1)) t12 (x) where t12.x = t11.x and exists (select 1 from (values (1)) t13 (x) where t13.x = t12.x and exists (select 1 from (values (1)) t14 (x) where t14.x = t13.x and exists (select 1 from (values (1)) t15 (x) where t15.x = t14.x and exists (select 1 from (values (1)) t16 (x) where t16.x = t15.x and exists (select 1 from (values (1)) t17 (x) where t17.x = t16.x and exists (select 1 from (values (1)) t18 (x) where t18.x = t17.x and exists (select 1 from (values (1)) t19 (x) where t19.x = t18.x and exists (select 1 from (values (1)) t20 (x) where t20.x = t19.x and exists (select 1 from (values (1)) t21 (x) where t21.x = t20.x and exists (select 1 from (values (1)) t22 (x) where t22.x = t21.x and exists (select 1 from (values (1)) t23 (x) where t23.x = t22.x and exists (select 1 from (values (1)) t24 (x) where t24.x = t23.x and exists (select 1 from (values (1)) t25 (x) where t25.x = t24.x and exists (select 1 from (values (1)) t26 (x) where t26.x = t25.x and exists (select 1 from (values (1)) t27 (x) where t27.x = t26.x and exists (select 1 from (values (1)) t28 (x) where t28.x = t27.x and exists (select 1 from (values (1)) t29 (x) where t29.x = t28.x and exists (select 1 from (values (1)) t30 (x) where t30.x = t29.x and true))))))))))))))))))))))))))))));
select (select (select (select (select (select (select (select (select (select (select (select (select (select (select (select (select (select (select (select (select (select (select (select (select (select (select (select (select (select (select x)))))))))))))))))))))))))))))) from (values (1), (2)) v (x) order by 1;
select (select max(y) + (select max(y) + (select max(y) + (select max(y) + (select max(y) + (select max(y) + (select max(y) + (select max(y) + (select max(y) + (select max(y) + (select max(y) + (select max(y) + (select max(y) + (select max(y) + (select max(y) + (select max(y) + (select max(y) + (select max(y) + (select max(y) + (select max(y) + 1 from (values (1)) v (y)) from (values (1)) v (y)) from (values (1)) v (y)) from (values (1)) v (y)) from (values (1)) v (y)) from (values (1)) v (y)) from (values (1)) v (y)) from (values (1)) v (y)) from (values (1)) v (y)) from (values (1)) v (y)) from (values (1)) v (y)) from (values (1)) v (y)) from (values (1)) v (y)) from (values (1)) v (y)) from (values (1)) v (y)) from (values (1)) v (y)) from (values (1)) v (y)) from (values (1)) v (y)) from (values (1)) v (y)) from (values (1)) v (y));
-- Long chains of operators.
select length(x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x) from (values ('ab')) v (x);
select x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x from (values (2)) v (x);
-- Groups by a NaN, of which a limit keeps some.
(select 'NaN'::float8 as x from c.rad union select 0::float8 from c.rad group by konto) order by 1 limit 2 offset 1;
select x from (values ('NaN'::float8), (1), ('NaN')) v (x) group by x order by x desc limit 2;
select x, max(y) from (values ('NaN'::float8, 1), (1, 2), ('NaN', 3)) v (x, y) group by x order by 2 desc limit 1;
-- Arrays of a shape of their own, as what is joined by.
select array[n] as x from (values (1), (2)) v (n) intersect select array_fill(n, array[1]) from (values (2), (3), (null)) w (n) order by 1;
select array[n] as x from (values (1), (null)) v (n) except select array_fill(n, array[1]) from (values (null::integer), (3)) w (n) order by 1;
select v.n, w.m from (values (1), (2)) v (n) join (values (2, 1), (1, 2)) w (m, k) on array_fill(v.n, array[2]) = array_fill(w.m, array[w.k]) order by 1, 2;
select n from (values (1), (2), (3)) v (n) where array_fill(n, array[2]) not in (select array_fill(m, array[2]) from (values (2), (3)) w (m)) order by 1;
-- COALESCE where a constant is wanted.
select count(*) over (partition by coalesce(0.5::float8, 'Infinity'::float8) order by a) from (values (1), (2)) v (a) order by 1;
select a from (values (1), (2)) v (a) order by a limit coalesce(null, 1);
-- ORDER BY a column that is constant where it comes from and null where an outer join has no row
select b.forvaltning, a.id from c.rad a left join (select id, forvaltning from c.rad where id = 2) b on a.id = b.id order by b.forvaltning, a.id;
select b.k, a.id from c.rad a left join (select 10 as k, id from c.rad where id < 3) b on a.id = b.id order by b.k desc, a.id;
select b.k, a.id from (select 10 as k, id from c.rad where id < 3) b right join c.rad a on a.id = b.id order by b.k, a.id;
select b.k, a.id from (select 10 as k, id from c.rad where id < 3) b full join c.rad a on a.id = b.id order by b.k, a.id;
select a.id, row_number() over (order by b.k, a.id) from c.rad a left join (select 10 as k, id from c.rad where id < 3) b on a.id = b.id order by a.id;
-- ORDER BY a window's column and more, over groups
select rank() over (order by count(*)), forvaltning from c.rad group by forvaltning order by 1, 2 desc;
select dense_rank() over () as r, forvaltning from c.rad group by forvaltning order by 1, 2 desc;
select count(*) over (order by 1), forvaltning, konto from c.rad group by forvaltning, konto order by 1, 2 desc, 3;
select distinct on (n, b) n, b from (select count(*) over (order by 'a') as n, bool_or(aktiv) as b from (select id % 3 as g, id > 2 as aktiv from c.rad) s group by g) s order by n desc, b;
-- window functions that turn out the same
select bool_or(nullif(true, false)) over () as a, cume_dist() over (order by id desc), bool_or(true) over () as b from c.rad order by 2;
select sum(id) over (partition by 1) as a, sum(id) over (partition by round(null::numeric, 1)) as b from c.rad order by 1;
-- columns that FULL JOIN … USING merges, as what is grouped by
select coalesce(k, k) from (values (1), (2)) a (k) full join (values (2), (3)) b (k) using (k) group by rollup (k) order by 1;
select coalesce(k, k) + 1 from (values (1), (2)) a (k) full join (values (2), (3)) b (k) using (k) full join (values (3), (4)) c (k) using (k) group by k order by 1;
-- groups of groups: what is unique below a join is not so above it
select count(*) from (select g from (select a.g, b.id from (select distinct id % 3 as g from c.rad) a, c.rad b group by a.g, b.id) z group by g, id) y;
select g, count(*) from (select g, id from (select distinct a.g, b.id from (select distinct id % 3 as g from c.rad) a, c.rad b) z group by g, id) y group by g order by 1;
select a.forvaltning, b.id from (select distinct forvaltning from c.rad) a, c.rad b group by a.forvaltning, b.id order by 1, 2 desc;
select a.forvaltning, b.konto, sum(n) from (select forvaltning, count(*) as n from c.rad group by forvaltning) a join c.rad b on b.id > a.n group by a.forvaltning, b.konto order by 1, 2 desc;
select distinct forvaltning from (select a.forvaltning, b.id from (select distinct forvaltning from c.rad) a, c.rad b group by a.forvaltning, b.id) y order by 1;
select count(*) from c.rad r left join (select a.forvaltning, b.id from (select distinct forvaltning from c.rad) a, c.rad b group by a.forvaltning, b.id) y on r.forvaltning = y.forvaltning;
select r.id from c.rad r join (select a.forvaltning, b.id from (select distinct forvaltning from c.rad) a, c.rad b group by a.forvaltning, b.id) y on r.forvaltning = y.forvaltning group by r.id order by 1;
select count(*) from c.rad t join lateral (select 1 from (select distinct konto as k from c.rad where t.id > 2) q group by q.k) p on true;
-- the order of a subquery's rows, where it shows: the engine drops sorts that nobody asks for
select namn, count(*) from (select id, namn from v.trad order by namn desc offset 5) s cross join v.bo group by namn order by 1;
select count(*), sum(id) from (select id from v.trad order by namn desc offset 4) s, v.bo;
select u, count(*) from (select unnest(array[id, far]) as u from v.trad order by namn desc offset 10) s cross join v.bo group by u order by 1;
select u from (select id, far as u from v.trad union all select id, id from v.bo order by 1 desc, 2 offset 11) s where u in (select id from v.bo) order by 1;
with w as not materialized (select id, namn from v.trad order by namn desc offset 6) select a.id, count(*) from w a, w b, v.bo group by a.id;
select id in (select far from v.trad order by namn desc offset 3) from v.trad order by id;
select array_agg(id) from (select id from v.trad order by namn desc) s;
select string_agg(namn, ',') from (select id, namn from v.trad order by far desc nulls last, id desc) s where id <> 4;
select b, json_agg(id) from (select id, b from v.bo order by id desc) s group by b order by b;
select r, id from (select row_number() over () as r, id from (select id from v.trad order by namn desc) s) t where id > 2 order by 1;
select lag(id) over (), id from (select id, namn from v.trad order by namn desc) s order by 2;
select sum(r * a) from (select row_number() over () as r, a from (select a, a * 7919 % 100003 as b from generate_series(1, 30000) a order by b) s) t;
select md5(string_agg(a::text, ',')) from (select a from generate_series(1, 30000) a order by a * 7919 % 100003) s where a % 3 = 1;
select sum(u) from (select unnest(array[a, -b]) as u from (select a, a * 7919 % 100003 as b from generate_series(1, 30000) a order by b) s offset 33333) t, v.bo;
-- sorts by what is the same in all rows
select array(select m from (select distinct on (m) m from (select max(i4) as m from c.num having min(null::date) = date '2024-01-02') s order by m nulls first) t order by 1);
select array(select m from (select distinct on (m) m from (select max(i4) as m from c.num having min(i4) < 0) s order by m desc) t order by 1 desc) from c.rad where id < 3;
select array(select x from (select 1 as x from c.rad union all select 1 from c.num order by 1 limit 3) s order by 1 desc);
select array(select x from (select 1 as x from c.rad where id < 3 union all select 2 from c.num where i4 = 1 order by 1) s order by 1 desc nulls first);
select array_agg(m order by m) from (select m from (select count(*) as m from c.tom) s order by m desc nulls last limit 1) t;
-- groups sorted by a record or a shaped array, over several batches
select count(*) from (select distinct array_fill(1, array[2]), a, first_value(a) over (order by a) from generate_series(1, 20000) a) s;
select count(*) from (select distinct array[[a % 3, null]], a, row_number() over (order by a) from generate_series(1, 20000) a) s;
select k, b, count(*) from (select row(a % 3, array[a % 2]) as k, a % 5 as b from generate_series(1, 20000) a order by 1, 2 limit 19000) s group by 1, 2 order by 1, 2;
select k, count(*) from (select array[[a % 3]] as k from generate_series(1, 20000) a order by 1 limit 19000) s group by 1 order by 1;
select nth_value(b, 2) over (partition by null::integer[] order by id) as a, array_fill(null::integer, array[2]) as d, c from v.bo intersect select null, null::integer[], true;
-- the SELECT list is computed for the rows that WHERE and LIMIT leave
select id, (antal + period) / (id - 2) from c.rad where id <> 2 order by 1;
select id, (antal + period) / (id - 2) from (select * from c.rad where id > 2 offset 0) s order by 1;
select id, (antal + period) / (id - 2) from (select * from c.rad order by id limit 1) s;
select id, (antal + period) / (id - 2) from (select * from c.rad where id < 2 union all select * from c.rad where id > 4) s order by 1;
select id, x from (select id, 10 / (id - 2) as x, antal + 1 as y from (select id, antal, forvaltning from (select * from c.rad where id <> 2) q) s) t order by 1;
select id, 10 / (id - 2), rank() over (order by id) from c.rad where id <> 2 order by 1;
with w as (select * from c.rad where id <> 2) select a.id, count(10 / (a.id - 2)) from w a, w b group by a.id order by 1;
-- several lists over one expression; nulls in them
select id, far in (1, 2) and far in (3, 4), far in (1, 2) or far in (2, null), far not in (1, 2) and far in (2, null) from v.trad order by id;
select id, far in (1, null) and far in (1, 2), far in (1, null) and far not in (1, 2), far not in (1, null) or far in (3, 4) from v.trad order by id;
select id, far in (1, 2) and far not in (1, 2), far not in (1, 2) or far not in (3, 4), far not in (1, 2) and far not in (2, 3) from v.trad order by id;
select id from v.trad where not (far in (1, 2) and far in (3, 4)) order by id;
select id from v.trad where (far in (1, 2) and far in (3, 4)) is null order by id;
select id, namn in ('a', 'b') and namn in ('c', 'd'), namn in ('a', null) or namn in (null, 'rot') from v.trad order by id;
select id, far = 1 and far in (2, 3), far = 1 or far in (2, 3), far <> 1 and far not in (2, 3), far <> 1 or far in (1, 3) from v.trad order by id;
select id, far in (1) and far in (2), far in (null) or far in (1), far + 1 in (1, 2) and far + 1 in (5, 6) from v.trad order by id;
-- a constant in a list of what is computed
select id, 2 in (id, far), 2 not in (id, far), null in (id, far), 2 in (far, null), '2' in (id, far) from v.trad order by id;
select id from v.trad where 2 in (id, far) order by id;
select id from v.trad where 1 not in (id, far) order by id;
select id, 1 in (far) and 2 in (far), 1 in (id, far) or 3 in (id, far) from v.trad order by id;
-- arrays with nulls inside keep their rows
select a, count(*) from (values (array[1, null]), (array[1, null]), (array[null, 1]::integer[]), (null), (array[]::integer[]), (array[null]::integer[])) t (a) group by a order by a;
select distinct a from (values (array[1, null]), (array[1, null]), (array[null, 1]::integer[]), (null), (array[]::integer[])) t (a) order by a;
select x.a from (values (array[1, null]), (array[2, 3]), (null)) x (a) join (values (array[1, null]), (array[2, 3]), (null)) y (a) on x.a = y.a order by 1;
select a from (values (array[1, null]), (array[2, 3])) x (a) intersect select a from (values (array[1, null]), (array[9, 3])) y (a);
select x.a, y.b from (values (array[1, null], 1), (array['7', null]::integer[], 2)) x (a, i) left join (values (array[1, null], 'en'), (array[7, null], 'sju')) y (a, b) using (a) order by 1;
select array[1, null] = array[1, null], array[1, null] in (array[1, 2], array[1, null]), array[null, 1] < array[1, null], a = a from (values (array[1, null::integer])) t (a);
select count(distinct a), row_number() over (partition by a) from (values (array[1, null]), (array[1, null]), (array[2, null])) t (a) group by a order by 1, 2;
select array(select id from v.trad where far is not null order by namn desc), array(select far from v.trad order by id limit 3), (select array(select b.id from v.bo b where b.id > t.id order by b.id desc) from v.trad t where t.id = 1);
select id from v.trad where far in (1, 2) and far not in (2, null) order by id;
select id, case when far in (1, 2) and far in (2, 3) then 'ja' when not (far in (1, 2) and far in (4, 5)) then 'nej' else 'vet inte' end from v.trad order by id;
select far in (1, 2) and far in (4, 5), count(*), sum(case when far in (1, 2) and far not in (1, null) then 1 else 0 end) from v.trad group by 1 order by 1;
select a.id from v.trad a left join v.bo b on a.far in (1, 2, 3, 4) and a.far in (5, 6, 7, 8) and a.id = b.id order by 1;
select id from v.trad where namn || '' in ('a', 'b') and namn || '' not in ('c', null) order by id;
select a, count(*) from (select array[x % 3, null] as a from generate_series(1, 20000) x) s group by a order by a;
select count(*) from (select array[x % 3, null] as a from generate_series(1, 200) x) s join (select array[x % 3, null] as a from generate_series(1, 200) x) t on s.a = t.a;
select count(*) from (select array[x % 3, null] as a from generate_series(1, 200) x) s where a in (select array[x % 2, null] from generate_series(1, 200) x);
select count(*) from (select array[x % 3, null] as a from generate_series(1, 200) x) s where exists (select 1 from (select array[x % 2, null] as b from generate_series(1, 200) x) t where t.b = s.a);
select count(*) from (select array[x % 3, null] as a from generate_series(1, 200) x) s where not exists (select 1 from (select array[x % 2, null] as b from generate_series(1, 200) x) t where t.b = s.a);
select array[x % 3, null] as a from generate_series(1, 20) x except select array[x % 2, null] from generate_series(1, 200) x order by 1;
select array[x % 3, null] as a from generate_series(1, 6) x except all select array[x % 2, null] from generate_series(1, 3) x order by 1;
select array[x % 3, null] as a from generate_series(1, 6) x intersect all select array[x % 2, null] from generate_series(1, 3) x order by 1;
select a, rank() over (order by a), count(*) over (partition by a), dense_rank() over (partition by b order by a) from (select array[x % 3, null] as a, x % 2 as b from generate_series(1, 9) x) s order by 1, b, 4;
select distinct on (a) a, x from (select array[x % 3, null] as a, x from generate_series(1, 9) x) s order by a, x desc;
select min(a), max(a), count(distinct a), array_agg(distinct a) from (select array[x % 3, null] as a from generate_series(1, 9) x) s;
select a from (select array[x % 3, null] as a from generate_series(1, 9) x) s where a = array[1, null];
select a from (select array[x % 3, null] as a from generate_series(1, 9) x) s where a in (array[1, null], array[2, null]) order by 1;
select a from (select array[x % 3, null] as a from generate_series(1, 9) x) s where a is distinct from array[1, null] order by 1;
select a from (select array[x % 3, null] as a from generate_series(1, 9) x) s where a between array[1, 5] and array[2, null] order by 1;
select a, b from (select array[x % 3, null] as a from generate_series(1, 3) x) s full join (select array[x % 2, null] as b from generate_series(1, 2) x) t on a = b order by 1, 2;
select a, b from (select array[x % 3 || 'å', null] as a from generate_series(1, 3) x) s left join (select array[x % 2 || 'å', null] as b from generate_series(1, 2) x) t on a = b order by 1, 2;
select r, count(*) from (select row(x % 3, null::integer) as r from generate_series(1, 9) x) s group by r order by 1;
select r from (select row(x % 3, null::integer) as r from generate_series(1, 9) x) s where r = row(1, null::integer);
select s.r from (select row(x % 3, null::integer) as r from generate_series(1, 3) x) s join (select row(x % 3, null::integer) as r from generate_series(1, 3) x) t on s.r = t.r order by 1;
select nullif(array[1, null], array[1, null]), case array[1, null] when array[1, null] then 1 else 2 end, array[1, null] = any (array[array[1, 2]]), greatest(array[1, null], array[1, 2]);
select x, 7 in (x, x + 1), 7 in (x * 2, null), '7' in (x::text, (x + 1)::text), 7.0 in (x, 2 * x), not 7 in (x, 8) from generate_series(5, 8) x;
select x from generate_series(1, 9) x where 4 in (x, x + 1) and 5 in (x, x + 1);
select x from generate_series(1, 9) x where 4 in (x, x + 1) and 4 not in (x, 9);
select x, null in (x, 1), 1 in (x, null) or 1 in (x), 3 = any (array[x, 3]) from generate_series(1, 3) x;
select count(*) from generate_series(1, 9) x where (x, 1) in ((1, 1), (2, x)) and (x, 1) not in ((1, 1));
select x, date '2024-01-01' + x in (date '2024-01-02', '2024-01-03') and date '2024-01-01' + x in ('2024-01-04') from generate_series(1, 3) x;
select x.b, x.b in ('t') and x.b in ('f'), x.b not in (true) or x.b not in (false) from (values (true), (false), (null)) x (b);
select c, c in ('a', 'b  ') and c in ('a  '), c in ('a') or c in ('b') from (values ('a'::char(3)), ('b'), (null)) t (c);
select i, i in ('1 day', '24 hours') and i in ('1 month'), i in ('1 mon', '30 days') from (values (interval '1 day'), ('30 days'), (null)) t (i);
select f, f in (0, 1) and f in (-0.0), f in ('nan', 0) and f not in (1) from (values (0::float8), ('-0'), ('nan'), (null)) t (f);
select n, n in (1, 2.50) and n in (2.5, 3), n not in (1.0, 2) or n not in (2, 1) from (values (1), (2.5), (null)) t (n);
create table c.listor as select array[x % 3, null] as a, x from generate_series(1, 5000) x;
select count(*) from c.listor s join (values (array[1, null])) t (b) on s.a = t.b;
select count(*) from c.listor where a in (select a from c.listor where x < 3);
select count(*) from c.listor where a not in (select a from c.listor where x < 3);
select a, count(*) from c.listor where a = array[1, null] group by a;
select count(*) from c.listor where a = array[1, null] or a = array[2, null];
select count(*) from c.listor where a in (array[1, null], array[2, null], array[7, 8], array[9, 10]);
select count(*) from c.listor s left join c.listor t on s.a = t.a and t.x = 1 where t.x is null;
select count(*) from c.listor s where exists (select 1 from c.listor t where t.a = s.a and t.x = s.x + 3);
select a from c.listor except select array[1, null] order by 1;
select a, x from c.listor order by a desc, x limit 2;
select count(*) from c.listor where a > array[1, null] or a < array[1, 0];
select distinct a from c.listor order by 1;
update c.listor set a = array[null, 5] where a = array[1, null];
delete from c.listor where a = array[0, null];
select a, count(*) from c.listor group by a order by a;
drop table c.listor;
