-- grouping sets, and what may stand beside them
select a, b, grouping(a, b), sum(v), count(*), max(v) from v.gs group by rollup (a, b) order by a nulls first, b nulls first, 3;
select a, b, grouping(a, b), sum(v), count(*), max(v) from v.gs group by rollup (a, b) order by a desc, b, 3;
select a, b, grouping(a, b), sum(v), count(*), max(v) from v.gs group by cube (a, b) order by 3, 1, 2;
select a, b, sum(v), count(*) from v.gs group by grouping sets ((a, b), a, ()) order by 1, 2, 3;
select a, b, sum(v), count(*) from v.gs group by grouping sets (a, b) order by 1, 2, 3;
select a, b, sum(v), count(*) from v.gs group by grouping sets ((), ());
select sum(v) from v.gs group by grouping sets ((), (), ());
select a, sum(v) from v.gs group by grouping sets (rollup (a), a) order by 1, 2;
select a, b, grouping(a, b), sum(v) from v.gs group by a, rollup (b) order by 1, 2, 3;
select a, b, c, sum(v) from v.gs group by rollup (a, (b, c)) order by 1, 2, 3, 4;
select a, b, c, sum(v) from v.gs group by rollup ((a, b), c) order by 1, 2, 3, 4;
select a, b, c, count(*) from v.gs group by cube ((a, b), c) order by 1, 2, 3, 4;
select a, b, c, count(*) from v.gs group by rollup (a), rollup (b, c) order by 1, 2, 3, 4;
select a, b, c, count(*) from v.gs group by distinct rollup (a, b), rollup (a, c) order by 1, 2, 3, 4;
select a, b, c, count(*) from v.gs group by all rollup (a, b), rollup (a, c) order by 1, 2, 3, 4;
select a, b, count(*) from v.gs group by distinct a, b order by 1, 2;
select a, b, sum(v) from v.gs group by grouping sets ((a, b), rollup (a, b), cube (a, b)) order by 1, 2, 3;
select a, b, sum(v) from v.gs group by grouping sets (grouping sets (a, grouping sets (b)), ()) order by 1, 2, 3;
select a + b as s, grouping(a + b), sum(v) from v.gs group by rollup (a + b) order by 1, 2;
select a as x, sum(v) from v.gs group by rollup (x) order by 1, 2;
select a, b, sum(v) from v.gs group by rollup (1, 2) order by 1, 2, 3;
select a, sum(v) from v.gs group by rollup (a) having grouping(a) = 0 order by 1;
select a, sum(v) from v.gs group by rollup (a) having grouping(a) = 1 or sum(v) > 30 order by 1;
select case grouping(a) when 1 then 'totalt' else coalesce(a::text, 'okänd') end as rubrik, sum(v) from v.gs group by rollup (a) order by grouping(a), a;
select a, b, grouping(a), grouping(b), grouping(b, a) from v.gs group by cube (a, b) order by grouping(a), grouping(b), a, b;
-- refused: hypothetical-set aggregates
select grouping(a), a, array_agg(b order by b), rank(a) within group (order by b nulls first) from v.gs group by rollup (a);
select a, count(distinct b), sum(distinct c) from v.gs group by rollup (a) order by 1, 2;
select a, sum(v) filter (where b = 1) from v.gs group by rollup (a) order by 1, 2;
select a, b, sum(v) as s, rank() over (partition by grouping(a, b) order by sum(v) desc) as r from v.gs group by rollup (a, b) order by grouping(a, b), r, a, b;
select a, sum(sum(v)) over (order by a) from v.gs group by a order by a;
select count(*) from v.gs group by () ;
select sum(v) from v.gs where false group by ();
select sum(v), count(*) from v.gs where false group by grouping sets ((), ());
select a, sum(v) from v.gs where false group by rollup (a);
select a, sum(v) from v.gs where false group by a;
select sum(v) from v.gs where false;
select count(*) from v.gs where false having true;
select 1 from v.gs where false having count(*) = 0;
select a from v.gs group by rollup (a) order by 1;
select a, a + 1, sum(v) from v.gs group by rollup (a) order by 1, 3;
select distinct sum(v) from v.gs group by cube (a, b) order by 1;
select a, b from v.gs group by cube (a, b) except select a, b from v.gs order by 1, 2;
select * from (select a, b, sum(v) as s from v.gs group by rollup (a, b)) x where a = 1 order by b;
select * from (select a, b, sum(v) as s from v.gs group by rollup (a, b)) x where b is null order by a, s;
-- differs: GROUPING of an enclosing query
select (select grouping(a)) from v.gs group by a;
select grouping(a) from v.gs;
select grouping(b) from v.gs group by a;
select grouping(a + 1) from v.gs group by a;
select a from v.gs group by b;
select a, b from v.gs group by rollup (a);
select sum(v) from v.gs group by grouping(a);
select sum(v) from v.gs where grouping(a) = 1 group by a;
select grouping() from v.gs group by a;
select a from v.gs group by 7;
select a, sum(v) from v.gs group by 2;
select a, rank() over () from v.gs group by 2;
select a from v.gs group by sum(v);
select a from v.gs group by rank() over ();
select sum(v) as a from v.gs group by a order by a;
select upper(t) as t from v.txt group by t order by 1;
select upper(t) as u from v.txt group by u order by 1;
select upper(t) as u from v.txt group by upper(t) having upper(t) > 'H' order by 1;
select t || 'x' from v.txt group by t || 'x' order by 1;
select t || 'y' from v.txt group by t || 'x';
select a, (select sum(v) from v.gs y where y.a = x.a) from v.gs x group by a order by a;
-- words: no position
select b, (select count(*) from v.bo where id = x.a) from v.gs x group by b;
select a, exists (select 1 from v.bo where id = a) from v.gs group by a order by a;
select max(a) as max, min(a), sum(a), avg(a)::float8 from v.gs;
select count(*) filter (where a > 1), count(a), count(distinct a), count(distinct (a, b)) from v.gs;
select a, bool_and(d > 0), bool_or(d > 0), every(d is not null), bit_and(b), bit_or(b), bit_xor(b) from v.gs group by a order by a;
-- refused: orders of several aggregates that conflict
select a, string_agg(b::text, ',' order by b desc, v), string_agg(distinct b::text, '-'), array_agg(distinct b order by b desc) from v.gs group by a order by a;
select string_agg(t, ',' order by id) from v.txt;
select string_agg(t, null order by id) from v.txt where id < 3;
select string_agg(distinct t, ',' order by id) from v.txt;
select array_agg(f1 order by f1 desc nulls last) from v.i4;
select array_agg(distinct two order by two) from v.tusen;
select array_agg(id) filter (where false) from v.bo;
-- refused: array_agg of arrays
select array_agg(a) from (select array[id, id * 2] as a from v.bo where id < 4 order by id) x;
select percentile_cont(0.5) within group (order by unique1), percentile_disc(0.25) within group (order by unique1), mode() within group (order by ten) from v.tusen where unique1 < 99;
select four, percentile_cont(array[0.25, 0.5]) within group (order by unique1) from v.tusen group by four order by four;
-- refused: hypothetical-set aggregates
select rank(5) within group (order by ten), dense_rank(5) within group (order by ten), percent_rank(5) within group (order by ten), cume_dist(5) within group (order by ten) from v.tusen where unique1 < 40;
-- differs: one scale per column
select avg(f1), sum(f1), min(f1), max(f1), count(f1) from v.i4;
-- differs: one scale per column
select avg(f1), sum(f1), min(f1), max(f1) from v.i2;
select avg(q1)::numeric(30,4), sum(q1), max(q2), min(q2) from v.i8;
select sum(f1), avg(f1), max(f1), min(f1) from v.f8 where f1 < 1e10;
select max(f1), min(f1), count(*) from v.f8;
select sum(n), max(n), min(n), count(n) from v.num;
select max(t), min(t), max(v), min(c) from v.txt;
-- differs: local mean time of a year before the zone's history
select max(d), min(t), max(ts), min(tz) from v.tid;
select sum(t), avg(t) from (values (interval '1 day'), (interval '2 hours')) x(t);
select stddev(unique1), variance(unique1), stddev_pop(ten), var_pop(ten), stddev_samp(two) from v.tusen where unique1 < 0;
select corr(unique1, unique2), regr_slope(unique1, unique2), regr_r2(unique2, unique1), regr_count(ten, two) from v.tusen where false;
select count(*), count(1), count(null), count('x') from v.bo;
select sum(null::integer), sum(1), sum(1.5), sum('1'::float8) from v.bo;
select max(b) from v.bo;
select sum(b) from v.bo;
select sum(t) from v.txt;
select avg(d) from v.tid;
select max(id, id) from v.bo;
select nope(id) from v.bo;
select count(distinct *) from v.bo;
select count(*) filter (where id) from v.bo;
select sum(id) filter (where sum(id) > 1) from v.bo;
select sum(id order by id) from v.bo;
select sum(distinct id order by -id) from v.bo;
select upper(distinct t) from v.txt;
select upper(t) filter (where true) from v.txt;
select upper(t order by t) from v.txt;
select percentile_cont(0.5) from v.bo;
select percentile_cont(0.5) within group (order by t) from v.txt;
select percentile_cont(1.5) within group (order by id) from v.bo;
select sum(id) within group (order by id) from v.bo;
-- differs: hypothetical-set aggregates are refused
select rank(1) within group (order by t) from v.txt;
select max((select max(unique1) from v.tusen)) from v.bo;
-- differs: an aggregate of an enclosing query's columns belongs to that query
select (select max((select i.unique2 from v.tusen i where i.unique1 = o.unique1))) from v.tusen o where unique1 < 2;
select (select count(*) from v.bo b where b.id < a.id), sum(a.id) from v.bo a group by a.id order by 1;
select sum((select count(*) from v.bo b where b.id < a.id)) from v.bo a;
-- refused: an aggregate of an enclosing query's columns
select (select sum(a.id)) from v.bo a;
-- refused: an aggregate of an enclosing query's columns
select (select sum(a.id) from v.i4 limit 1) from v.bo a;
