-- forms of the grammar that are seldom written: each where it stands in PostgreSQL's own grammar
create schema sf;
create table sf.t (a integer, b integer, c text, arr integer[], ord text[]);
insert into sf.t values (1, 2, 'x', '{1,2}', '{a,b}'), (2, 2, 'y', '{3,4,5}', null), (3, 4, null, null, '{}');
-- grouping: a column of the SELECT list is grouped by as what it is, also beside an equal one
select * from (select a as x, a as y, count(*) from sf.t group by x, rollup(y)) s order by 1, 2;
select * from (select a as x, a as y, count(*) from sf.t group by grouping sets ((x), (y))) s order by 1, 2;
select * from (select a as x, a as y, grouping(a), count(*) from sf.t group by rollup(y)) s order by 1, 2;
select * from (select a + 1, a + 1 as y, count(*) from sf.t group by 1, rollup(2)) s order by 1, 2;
select * from (select a, a as y, a as z, count(*) from sf.t group by cube(1, 2)) s order by 1, 2, 3;
select * from (select a, b, count(*) from sf.t where a = b group by grouping sets ((a), (b))) s order by a nulls first, b desc;
select * from (select a, b, count(*) from sf.t where a = 2 group by cube(a, b)) s order by 1, 2;
select a, b, grouping(a), grouping(b), count(*) from sf.t group by cube(a, a), b order by 1, 2, 3, 4;
select * from (select upper(c) as x, upper(c) as y, count(*) from sf.t group by x, rollup(y)) s order by 1, 2 nulls first;
select count(*) from sf.t group by ();
select a from sf.t group by ();
select 1 from sf.t having true;
-- windows: constants to partition by, offsets that are computed
select row_number() over (partition by array_fill(1, array[2]) order by a), sum(a) over (partition by 1 + 1 order by a) from sf.t order by 1;
select a, sum(a) over (order by a rows between (select 1) preceding and current row) from sf.t order by a;
select a, sum(a) over (order by a rows between 1 + 0 preceding and (select 1) following) from sf.t order by a;
select a, count(*) filter (where a > 1) over (order by b groups between (select 1) preceding and (select 0) following exclude ties) from sf.t order by a;
select a, first_value(a) over w, last_value(a) over w, nth_value(a, 2) over w from sf.t window w as (order by a rows between (select 1) preceding and (select 2) following) order by a;
select a, array_agg(a) over (order by a rows between (select 2) preceding and (select 1) preceding) from sf.t order by a;
select sum(a) over (order by a rows between (select -1) preceding and current row) from sf.t;
select sum(a) over (order by a rows between current row and (select null::integer) following) from sf.t;
select sum(a) over (order by a rows between a preceding and current row) from sf.t;
select sum(a) over (order by a::float8 range between 1 preceding and 'NaN' following) from sf.t;
select sum(a) over (order by a::float8 range between 'inf' preceding and 'inf' following) from sf.t;
-- LIMIT and OFFSET that are computed
select a from sf.t order by a fetch first null rows with ties;
select a from sf.t limit (select -1);
select a from sf.t offset (select -1);
select a from sf.t order by a limit (select count(*) from sf.t) - 2 offset (select 1);
select a from sf.t order by a limit (select null::bigint);
select a from sf.t where a in (select a from sf.t limit (select -1));
select a from sf.t limit a;
select a from sf.t limit a + 1 offset 2;
select a from sf.t limit nope;
-- recursive queries
with recursive x(n) as (select 1 union all (with y as (select n from x where n < 4) select n + 1 from y)) select * from x order by 1;
with recursive y as (select n * 10 as m from x), x(n) as (select 1 union all select n + 1 from x where n < 3) select m from y order by 1;
with recursive a(n) as (select 1 union all select n + 1 from b where n < 5), b(n) as (select 1 union all select n + 1 from a) select * from a;
with recursive a as (select * from b), b as (select * from a) select * from a;
with recursive r(n) as (select 1 union all select r1.n + 1 from r r1, r r2) select * from r;
with recursive r(n) as (select 1 union all select sum(n)::integer from r) select * from r;
with recursive r(n) as (select 1 union all select n + 1 from r group by n having count(*) < 9) select * from r;
with recursive r(n) as (select 1 union all select n + 1 from r for update) select * from r;
with recursive r(n) as (select 1 union all select 2 where exists (select 1 from r)) select * from r;
with recursive t as (with t as (select 1 as n) select n from t) select * from t;
with t as (select 1 as n union all select 2) select * from t order by 1;
create recursive view sf.nums (n) as values (1) union all select n + 1 from nums where n < 4;
create or replace recursive view sf.nums (n) as values (1) union all select n + 1 from nums where n < 6;
select sum(n) from sf.nums;
drop view sf.nums;
-- locks
select * from (sf.t join v.j1 on true) as j for update of j;
select * from sf.t x join sf.t y using (a) as u for update of u;
select * from sf.t for update of sf.t;
select a from sf.t order by a for read only;
select a from sf.t order by a for update of t nowait;
-- samples
select count(*) from sf.t tablesample bernoulli (100) repeatable (1);
select count(*) from sf.t as x tablesample pg_catalog.system ('100') repeatable (0.5 + 1);
select count(*) from sf.t tablesample bernoulli (0) repeatable (17);
select count(*) from sf.t tablesample bernoulli (null);
select count(*) from sf.t tablesample bernoulli (100) repeatable (null);
select count(*) from sf.t tablesample bernoulli (101);
select count(*) from sf.t tablesample nope (1);
select count(*) from sf.t tablesample bernoulli (1, 2);
select count(*) from rapport.budgetuppfoljning tablesample bernoulli (100);
with w as (select 1) select count(*) from w tablesample bernoulli (100);
-- parts of arrays get values
update sf.t set arr[1] = 10 where a = 1 returning arr;
update sf.t set arr[2:3] = '{7,8}' where a = 2 returning arr;
update sf.t set arr[4] = 9, arr[6] = 11, c = 'z' where a = 2 returning arr, c;
update sf.t set arr[1] = arr[2], arr[2] = arr[1] where a = 1 returning arr;
update sf.t set arr[:2] = array[21, 22], ord[1] = 'ö' where a = 2 returning arr, ord;
update sf.t set arr[1] = null where a = 1 returning arr;
update sf.t set arr = '{1,2}' where a = 1;
update sf.t set (arr[1], b) = (select 5, 6) where a = 1 returning arr, b;
update sf.t set arr[1:2] = null where a = 1 returning arr;
update sf.t set arr[null] = 1 where a = 1;
update sf.t set arr[1:3] = '{1,2}' where a = 1;
update sf.t set arr[3:1] = '{1,2}' where a = 1;
-- words: a detail
update sf.t set arr[1:] = '{1}' where a = 3;
update sf.t set arr[1] = default;
update sf.t set arr[1] = 'x';
update sf.t set arr[1] = true;
update sf.t set arr[1] = 1, arr = '{}';
update sf.t set b[1] = 1;
-- refused: no table holds arrays that begin elsewhere
update sf.t set arr[2] = 1 where a = 3 returning a;
-- refused: no table holds arrays of several dimensions
update sf.t set arr[1][1] = 1 where a = 77 returning arr;
insert into sf.t (a, arr[1], arr[2]) values (7, 1, 2), (8, null, 4) returning a, arr;
insert into sf.t (a, arr[1:2]) select 9, '{5,6}' returning a, arr;
insert into sf.t (arr[1], arr) values (1, '{}');
-- words: a place is told
insert into sf.t (b[1]) values (1);
select a, b, c, arr, ord from sf.t where a <> 3 order by a, b;
-- words that say nothing, and others
select a from only sf.t where a < 3 order by a;
select count(*) from sf.t *;
select count(*) from sf.t * as x where x.a > 1;
select count(*) from sf.t * join v.bo * on id = a;
table sf.t * order by 1 limit 1;
select x.a from sf.t* x where x.a < 3 order by 1;
select substring('abc' from 1 * 2), extract(year from date '2024-01-01' * 1) from sf.t;
select a between asymmetric 1 and 2, a between symmetric 2 and 1 from sf.t order by a;
select collation for ('a'), collation for ('a' collate "C");
select collation for (1);
select operator(pg_catalog.-) 4, 3 operator(pg_catalog.*) operator(pg_catalog.@) -2;
select !! 5;
select 1 == 2;
select 1 operator(finnsinte.+) 2;
select 'a' as 'b';
select interval 1 day;
select $1a;
select null::record;
select not;
select case when 1;
select * from sf.t group;
select a from sf.t order;
select cast(1 integer);
select array[1, ;
-- literals
select U&'d\00e5ta', U&'\d83d\de00', U&'a''\0062', U&"\00e4" from (select 1 as "ä") x;
select U&'\00';
select U&'''\00';
select U&'\d83d';
select U&'\d83dx';
select U&'\0000';
select U&'a' uescape '+';
select U&'a' uescape 'ab';
select U&'a' uescape 5;
select E'a\n' 
'b\n';
select 'a' /* no */
'b';
select 'a' -- yes
'b';
select e'\u00';
select e'å\u00e5';
-- differs: a character that two escapes stand for is refused
select e'\uD83D\uDE00';
select 'å', $x$b;
select 'åäö', nope from sf.t;
select "å", e'\'' || 'x
-- EXPLAIN of what has a query
prepare pf (integer) as select $1 + 1;
explain execute nope;
explain (format nope) select 1;
explain (nope) select 1;
explain (timing) select 1;
explain (wal) select 1;
explain (analyze maybe) select 1;
explain drop table sf.t;
explain select 1 +;
deallocate pf;
drop table sf.t;
drop schema sf;
